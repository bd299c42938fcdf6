"""The decoder in the form that traces."""

from torch import nn


class Decoder(nn.Module):
    """Latents as the VAE has them, [N,C,H,W], to images [N,3,f H,f W] in [-1,1]."""

    def __init__(self, vae):
        super().__init__()
        self.post_quant_conv = vae.post_quant_conv or nn.Identity()
        self.decoder = vae.decoder

    def forward(self, latents):
        return self.decoder(self.post_quant_conv(latents))
