# Loopline as scripts/loopline builds it on a bare Debian 12, in an image without the compilers.
#
#   docker build -t loopline .                           the CPU flavour
#   docker build -t loopline:cuda --build-arg CUDA=1 .   CUDA 13; run it with --gpus all
#
#   mkdir -p runs
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/runs:/opt/loopline/runs" \
#     loopline train configs/emoji/loop.yaml
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" -w /data loopline train my.yaml
#
# Without --user the program runs as a user of id 1000.

FROM debian:12 AS build
ARG CUDA=0
WORKDIR /opt/loopline
COPY . .
RUN LOOPLINE_CUDA=$CUDA PIP_NO_CACHE_DIR=1 scripts/loopline --version && \
    mv build/*/bin/loopline loopline
# The Debian packages of the shared libraries that the program loads. LibTorch's own lie here.
RUN ldd loopline | awk '$3 ~ "^/" && $3 !~ "^/opt/" {sub(".*/", "*/", $3); print $3}' | \
    xargs dpkg-query --search | cut -d : -f 1 | sort -u >packages

FROM debian:12
WORKDIR /opt/loopline
COPY --from=build /opt/loopline/packages .
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends gnuplot-nox \
      <packages && \
    rm -rf packages /var/lib/apt/lists/* && \
    useradd --uid 1000 --create-home loopline && \
    install -d -o loopline -g loopline runs
COPY --from=build /opt/loopline/.deps/venv/lib .deps/venv/lib
COPY --from=build /opt/loopline/loopline .
COPY LICENSE .
COPY configs configs
COPY models models
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER loopline
ENTRYPOINT ["/opt/loopline/loopline"]
