# syntax=docker/dockerfile:1

# Two images from one build: the forwarder (the last stage, the default) and
# the event generator (--target generator). Both are one static binary on an
# image without a shell, run by an unprivileged user.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY pkg pkg
COPY config config
COPY testdata testdata
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/auditlog-forwarder ./cmd/auditgen
# Made here because the last stage has no shell: a new volume takes its owner
# from the folder of the image that it covers.
RUN mkdir -p /out/state/dead-letter

FROM gcr.io/distroless/static-debian12:nonroot AS generator
LABEL org.opencontainers.image.title="auditgen" \
      org.opencontainers.image.description="Writes realistic Confluent Cloud audit events to a Kafka topic" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/auditgen /auditgen
USER 65532:65532
ENTRYPOINT ["/auditgen"]

FROM gcr.io/distroless/static-debian12:nonroot AS forwarder
ARG VERSION=dev
LABEL org.opencontainers.image.title="auditlog-forwarder" \
      org.opencontainers.image.description="Forwards Confluent Cloud audit events from Kafka to Splunk HEC, at least once" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/auditlog-forwarder /auditlog-forwarder
COPY --from=build --chown=65532:65532 /out/state /var/lib/auditlog-forwarder
ENV AUDITLOG_FORWARDER_DEAD_LETTER_DIR=/var/lib/auditlog-forwarder/dead-letter
USER 65532:65532
# Refused records must outlive the container.
VOLUME /var/lib/auditlog-forwarder/dead-letter
# The admin server's port. It listens on loopback unless admin.listen says
# otherwise, which a scrape from another container needs.
EXPOSE 9611
# The image has no shell and no curl: the binary asks its own /healthz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/auditlog-forwarder", "health"]
ENTRYPOINT ["/auditlog-forwarder"]
CMD ["run"]
