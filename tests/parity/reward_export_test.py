"""Rewards that scripts/export_reward.py makes, as the real binary scores pictures with them, against
transformers' own models, image processors and tokenizers.

    reward_export_test.py BINARY SOURCE_DIR [TEST]...

Runs in the environment of the export scripts, SOURCE_DIR/.deps/export; without it the exit status is
77, skipped."""

import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import export_environment

BINARY, SOURCE = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
export_environment.enter(SOURCE)

sys.path.insert(0, str(SOURCE / "scripts"))

import export_reward  # noqa: E402
import make_binding_prompts  # noqa: E402
import tiny_blip  # noqa: E402
import tiny_clip  # noqa: E402
import torch  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

TOLERANCE = 1e-5   # of the largest score: float32, in another order of sums
RESIZED = 0.01     # of the spread of the scores: a colour may be rounded to the next of 255 levels
TEXTS = ["a photo of a cat", "the red dog, riding a blue horse", "", "two café under " * 40, "it's green"]


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def command(script, *arguments):
    """Runs one of the scripts: status, output and errors."""
    output, errors, status = io.StringIO(), io.StringIO(), 0
    with (unittest.mock.patch("sys.argv", [script.__name__, *map(str, arguments)]),
          contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors)):
        try:
            script.main()
        except SystemExit as stop:
            status = stop.code
    return status, output.getvalue(), errors.getvalue()


def draw(directory, height, width):
    """A picture a text: shapes of one colour on another. PNG files, and PIL's images of them."""
    directory.mkdir()
    generator = torch.Generator().manual_seed(height)
    files = []
    for i in range(len(TEXTS)):
        low, high, dots = (tuple(torch.randint(256, (3,), generator=generator).tolist()) for _ in range(3))
        picture = Image.linear_gradient("L").resize((width, height))
        picture = Image.composite(Image.new("RGB", (width, height), low),
                                  Image.new("RGB", (width, height), high), picture)
        corner = torch.randint(width // 2, (2,), generator=generator).tolist()
        ImageDraw.Draw(picture).ellipse((*corner, corner[0] + width // 2, corner[1] + height // 3), dots)
        files.append(directory / f"{i}.png")
        picture.save(files[-1])
    return files, [Image.open(file) for file in files]


def write_prompts(path, prompts):
    path.write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts))
    return path


def scores_of(bundle, files, prompts, micro_batch):
    """What the binary says of the files, [files, components]."""
    done = run(BINARY, "score", *files, "--reward", bundle, "--prompts", prompts, "--json",
               "--device", "cpu", "--micro-batch", micro_batch)
    assert done.returncode == 0, done.stderr
    rows = [list(image["components"].values()) for image in json.loads(done.stdout)["images"]]
    return torch.tensor(rows, dtype=torch.float64)


class RewardCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.world = pathlib.Path(cls.directory.name)
        cls.files, cls.pictures = draw(cls.world / "native", cls.side, cls.side)
        cls.large_files, cls.large_pictures = draw(cls.world / "large", 3 * cls.side, 4 * cls.side)

    def export(self, *arguments, out="reward"):
        """Runs the exporter; the bundle."""
        bundle = self.world / out
        shutil.rmtree(bundle, ignore_errors=True)
        status, said, error = command(export_reward, *arguments, "--out", bundle)
        self.assertEqual(status, 0, error)
        for rows in (1, 3):
            self.assertRegex(said, f", {rows} x 3 x .*: differs by", "compared at this batch size")
        inspected = run(BINARY, "inspect", bundle)
        self.assertEqual(inspected.returncode, 0, inspected.stderr)
        self.assertNotIn("device constants", inspected.stdout)
        return bundle

    def refused(self, expected, *arguments, out="refused", script=export_reward):
        """One line that says `expected`, the status 2 and nothing written."""
        before = sorted(self.world.rglob("*"))
        status, _, error = command(script, *arguments, "--out", self.world / out)
        self.assertEqual(status, 2, error)
        self.assertEqual(error.count("\n"), 1, error)
        self.assertRegex(error, expected)
        self.assertEqual(sorted(self.world.rglob("*")), before)

    def changed(self, name, file, change):
        """A copy of the model with one of its JSON files changed."""
        copy = self.world / name
        shutil.copytree(self.model_directory, copy)
        content = json.loads((copy / file).read_text())
        change(content)
        (copy / file).write_text(json.dumps(content))
        return copy

    def assert_scores(self, bundle, files, wanted, resized=False):
        wanted = wanted.double().reshape(len(files), -1)
        spread = wanted.std(0)
        self.assertTrue((spread > 1e-3 * wanted.abs().amax(0)).all(), f"pictures matter: {wanted}")
        allowed = RESIZED * spread if resized else TOLERANCE * wanted.abs().amax(0)
        for micro_batch in (1, 3):
            found = scores_of(bundle, files, self.prompts, micro_batch)
            self.assertEqual(found.shape, wanted.shape)
            difference = (found - wanted).abs()
            self.assertTrue((difference <= allowed).all(), f"{found} is not {wanted}")


class ClipParity(RewardCase):
    side = tiny_clip.SIDE

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model_directory = cls.world / "clip"
        cls.model, cls.processor, cls.tokenizer = tiny_clip.write(cls.model_directory)
        cls.head_file = cls.world / "head.pth"
        cls.head = tiny_clip.write_head(cls.head_file)
        cls.prompts = write_prompts(cls.world / "texts.jsonl", [
            {"text": text, "id": str(i)} for i, text in enumerate(TEXTS)])

    def pixels(self, pictures):
        return self.processor(images=pictures, return_tensors="pt")["pixel_values"]

    @torch.no_grad()
    def aesthetic(self, pictures):
        embedding = self.model.get_image_features(pixel_values=self.pixels(pictures)).pooler_output
        return self.head(embedding / embedding.norm(dim=-1, keepdim=True))

    @torch.no_grad()
    def similarity(self, pictures):
        texts = self.tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
        logits = self.model(**texts, pixel_values=self.pixels(pictures)).logits_per_image
        return logits.diagonal()

    def test_aesthetic(self):
        bundle = self.export("aesthetic", self.model_directory, "--head", self.head_file)
        self.assert_scores(bundle, self.files, self.aesthetic(self.pictures))

    def test_aesthetic_of_a_safetensors_head_under_another_name(self):
        head = self.world / "head.safetensors"
        save_file(torch.load(self.head_file, weights_only=True), head)
        bundle = self.export("aesthetic", self.model_directory, "--head", head, "--name", "beauty")
        found = json.loads((bundle / "reward.json").read_text())
        self.assertEqual((found["name"], found["output"]["components"]), ("beauty", ["beauty"]))
        self.assert_scores(bundle, self.files, self.aesthetic(self.pictures))

    def test_similarity(self):
        bundle = self.export("similarity", self.model_directory)
        self.assert_scores(bundle, self.files, self.similarity(self.pictures))

    def test_similarity_of_a_model_that_names_its_end(self):
        directory = self.world / "named"
        model, _, _ = tiny_clip.write(directory, eos_token_id=self.tokenizer.eos_token_id)
        self.assertEqual(model.text_model.eos_token_id, self.tokenizer.eos_token_id)
        bundle = self.export("similarity", directory)
        self.assert_scores(bundle, self.files, self.similarity(self.pictures))

    def test_resizes_and_crops_as_the_image_processor(self):
        resolution = f"{3 * self.side}x{4 * self.side}"
        bundle = self.export("similarity", self.model_directory, "--resolution", resolution)
        self.assert_scores(bundle, self.large_files, self.similarity(self.large_pictures), resized=True)
        done = run(BINARY, "score", *self.files, "--reward", bundle, "--prompts", self.prompts)
        self.assertEqual(done.returncode, 2)
        self.assertIn("takes images of 128x96", done.stderr)

    def test_force_replaces_only_a_reward(self):
        arguments = ("similarity", self.model_directory)
        self.export(*arguments, out="mine")
        self.refused("mine is there; --force replaces a bundle", *arguments, out="mine")
        (self.world / "mine/reward.json").unlink()
        self.refused("mine is there and no bundle", *arguments, "--force", out="mine")

    def test_refusals(self):
        head = ("--head", self.head_file)
        self.refused("config.json: No such file.*a CLIPModel", "similarity", self.world)
        siglip = self.changed("siglip", "config.json", lambda c: c.update(model_type="siglip"))
        self.refused("model_type siglip; a CLIPModel has clip", "similarity", siglip)
        lanczos = self.changed("lanczos", "preprocessor_config.json", lambda c: c.update(resample=1))
        self.refused(r"resample 1 is not supported; 2 \(bilinear\)", "aesthetic", lanczos, *head)
        other = self.changed("other", "preprocessor_config.json",
                             lambda c: c.update(crop_size={"height": 48, "width": 48}))
        self.refused("makes pictures of 48 x 48; the network takes 32 x 32", "aesthetic", other, *head)
        bare = self.world / "bare"
        shutil.copytree(self.model_directory, bare)
        (bare / "preprocessor_config.json").unlink()
        self.refused("of the model that it was fine-tuned from", "aesthetic", bare, *head)
        shutil.copytree(self.model_directory, self.world / "partial")
        weights = load_file(self.world / "partial/model.safetensors")
        del weights["visual_projection.weight"]
        save_file(weights, self.world / "partial/model.safetensors", {"format": "pt"})
        self.refused("partial: lacks weights of the network, visual_projection.weight", "similarity",
                     self.world / "partial")
        shutil.copytree(self.model_directory, self.world / "broken")
        (self.world / "broken/model.safetensors").write_bytes(b"")
        self.refused("broken: cannot be loaded", "similarity", self.world / "broken")

    def test_refused_heads(self):
        def head(name, state):
            torch.save(state, self.world / name)
            return "aesthetic", self.model_directory, "--head", self.world / name
        state = torch.load(self.head_file, weights_only=True)
        weight, bias = state["layers.7.weight"], state["layers.7.bias"]
        self.refused("no.pth: No such file", "aesthetic", self.model_directory, "--head",
                     self.world / "no.pth")
        self.refused("weights_only", *head("code.pth", {"layers": pathlib.Path("x")}))
        self.refused("expected weights named layers.0.weight", *head("names.pth", {"weight": weight}))
        self.refused("layers.7 takes 16 numbers, before it are 24; the head is of another CLIP",
                     *head("width.pth", {"layers.7.weight": weight, "layers.7.bias": bias}))
        self.refused("layers.7 is no linear layer",
                     *head("bias.pth", {**state, "layers.7.bias": bias.repeat(2)}))
        cut = {key: value for key, value in state.items() if not key.startswith("layers.7")}
        self.refused("ends in 16 numbers; a score is one", *head("cut.pth", cut))


class BlipParity(RewardCase):
    side = tiny_blip.SIDE
    phrases = [["a red car", "a blue bench"], ["two dogs"], ["an old wooden chair", "a cat"],
               ["the white horse"], ["a green clock", "a yellow vase"]]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model_directory = cls.world / "blip"
        cls.model, cls.processor, cls.tokenizer = tiny_blip.write(cls.model_directory)
        cls.texts = write_prompts(cls.world / "texts.jsonl", [
            {"text": " and ".join(phrases), "phrases": phrases} for phrases in cls.phrases])
        cls.prompts = cls.ask("prompts.jsonl")

    @classmethod
    def ask(cls, name, *arguments):
        """The file of prompts with questions."""
        status, _, error = command(make_binding_prompts, cls.model_directory, "--texts", cls.texts,
                                   "--out", cls.world / name, *arguments)
        assert status == 0, error
        return cls.world / name

    def binding(self, pictures, among=None):
        """Product and smallest of the probabilities, each by transformers' generate on a picture and a
        question alone, without padding."""
        yes, no = (self.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no"))
        rows = []
        for picture, phrases in zip(pictures, self.phrases):
            pixels = self.processor(images=picture, return_tensors="pt")["pixel_values"]
            found = []
            for phrase in phrases:
                ids = self.tokenizer(phrase + "?", return_tensors="pt").input_ids
                ids[:, 0] = tiny_blip.ENC
                logits = self.model.generate(ids, pixels, max_new_tokens=1, do_sample=False,
                                             output_logits=True, return_dict_in_generate=True).logits[0]
                of_all = logits[0].softmax(0)
                found.append(of_all[yes] if among == "vocabulary" else
                             of_all[yes] / (of_all[yes] + of_all[no]))
            rows.append(torch.stack([torch.stack(found).prod(), min(found)]))
        return torch.stack(rows)

    def test_binding(self):
        bundle = self.export("binding", self.model_directory)
        self.assert_scores(bundle, self.files, self.binding(self.pictures))

    def test_among_the_vocabulary_with_room_for_more(self):
        room = ("--phrases", 3, "--length", 30)
        self.prompts = self.ask("roomy.jsonl", *room)
        bundle = self.export("binding", self.model_directory, "--among", "vocabulary", *room)
        self.assert_scores(bundle, self.files, self.binding(self.pictures, "vocabulary"))

    def test_resizes_as_the_image_processor(self):
        resolution = f"{3 * self.side}x{4 * self.side}"
        bundle = self.export("binding", self.model_directory, "--resolution", resolution)
        self.assert_scores(bundle, self.large_files, self.binding(self.large_pictures), resized=True)

    def test_prompts_without_questions_are_refused(self):
        bundle = self.export("binding", self.model_directory)
        done = run(BINARY, "score", *self.files, "--reward", bundle, "--prompt", "a red car")
        self.assertEqual(done.returncode, 2)
        self.assertIn('has no "questions"', done.stderr)

    def test_own_prompts_are_the_same_each_time_and_split(self):
        def make(name):
            status, _, error = command(make_binding_prompts, self.model_directory, "--out",
                                       self.world / name)
            self.assertEqual(status, 0, error)
            files = self.world / name, self.world / name.replace(".", "_held_out.")
            return [path.read_text() for path in files]
        first = make("a.jsonl")
        self.assertEqual(first, make("b.jsonl"))
        sets = [[json.loads(line) for line in text.splitlines()] for text in first]
        self.assertEqual([len({prompt["text"] for prompt in prompts}) for prompts in sets], [300, 60])
        trained, held_out = ({phrase for prompt in prompts for phrase in prompt["phrases"]}
                             for prompts in sets)
        self.assertFalse(trained & held_out)
        unknown = self.tokenizer.unk_token_id
        for prompt in sets[0] + sets[1]:
            self.assertEqual(prompt["text"], " and ".join(prompt["phrases"]))
            self.assertNotIn(unknown, sum(prompt["questions"], []))
            for phrase, ids in zip(prompt["phrases"], prompt["questions"], strict=True):
                self.assertEqual((len(ids), ids[0]), (16, tiny_blip.ENC))
                self.assertEqual(self.tokenizer.decode(ids[1:], skip_special_tokens=True),
                                 phrase + "?")

    def test_refusals(self):
        arguments = ("binding", self.model_directory)
        self.refused("model_type blip; a CLIPModel has clip", "similarity", self.model_directory)
        short = self.changed("short", "config.json", lambda c: c["text_config"].update(bos_token_id=9))
        self.refused(r"no \[ENC\] behind the 51 words", "binding", short)
        mute = self.world / "mute"
        shutil.copytree(self.model_directory, mute)
        words = (mute / "vocab.txt").read_text()
        (mute / "vocab.txt").write_text(words.replace("\nyes\n", "\nyep\n"))
        self.refused("no words yes and no", "binding", mute)
        self.refused("has 6 ids: more than --length 3", *arguments, "--length", 3)

    def test_refused_prompts(self):
        def refused(expected, *arguments):
            self.refused(expected, self.model_directory, *arguments, script=make_binding_prompts)
        refused("2 phrases, a red car, a blue bench: more than --phrases 1", "--texts", self.texts,
                "--phrases", 1)
        refused('"an old wooden chair.*more than --length 6', "--texts", self.texts, "--length", 6)
        refused("no.jsonl: No such file", "--texts", self.world / "no.jsonl")
        bad = write_prompts(self.world / "bad.jsonl", [{"text": "a cat", "phrases": ["a cat"]},
                                                       {"text": "a dog", "phrases": "a dog"}])
        refused("bad.jsonl, line 2: expected", "--texts", bad)
        self.refused("prompts.jsonl is there; --force", self.model_directory, "--texts", self.texts,
                     out="prompts.jsonl", script=make_binding_prompts)


del RewardCase  # of no tests of its own

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
