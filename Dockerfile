# kconvert in a container: docker build -t kconvert . && docker run --rm -v "$PWD:/models" kconvert model.keras --summary
FROM swift:6.1-bookworm AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make pkg-config lld libhdf5-dev libprotobuf-c-dev \
    libminizip-dev zlib1g-dev libdeflate-dev libyaml-dev libdnnl-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift Makefile ./
COPY Sources Sources
COPY Plugins Plugins
COPY Scripts Scripts
COPY Documentation/kconvert.1 Documentation/kconvert.1
# The manifest names the folders of tests.
COPY Tests Tests
RUN make build && make install DESTDIR=/out PREFIX=/usr

# The runtime libraries alone.
FROM debian:bookworm-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libhdf5-103-1 libhdf5-hl-100 libprotobuf-c1 \
    libminizip1 zlib1g libdeflate0 libyaml-0-2 libdnnl2 libssl3 libstdc++6 && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home kconvert
COPY --from=build /out/usr /usr
USER kconvert
WORKDIR /models
ENTRYPOINT ["kconvert"]
CMD ["--help"]
