# The daemon with the local engine, for amd64 and arm64. Everything installed is a wheel; nothing is compiled.
#   docker build -t streamwatch . && docker compose up -d      (compose.yaml tells what it needs to run)

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY streamwatch streamwatch
RUN python -m venv /opt/streamwatch/venv \
 && /opt/streamwatch/venv/bin/pip install --no-cache-dir --only-binary=:all: '.[local]'

FROM python:3.13-slim-bookworm
COPY --from=build /opt/streamwatch/venv /opt/streamwatch/venv
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin streamwatch \
 && install -d -o streamwatch -g streamwatch -m 700 /var/lib/streamwatch \
 && install -d /etc/streamwatch
# Secrets are files there, as `secrets:` of compose.yaml lays them: appcode, app_key, app_secret, and each ${…} of the config.
ENV PATH=/opt/streamwatch/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 CREDENTIALS_DIRECTORY=/run/secrets
USER 10001:10001
WORKDIR /var/lib/streamwatch
VOLUME /var/lib/streamwatch
# The console, and /healthz and /metrics; each is reached only if the config says so: docs/operations.md.
EXPOSE 8470 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s CMD ["streamwatch", "status", "--config", "/etc/streamwatch/config.yaml"]
ENTRYPOINT ["streamwatch"]
CMD ["run", "--config", "/etc/streamwatch/config.yaml"]
