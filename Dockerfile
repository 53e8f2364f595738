FROM oven/bun:1.4.5-slim AS build
WORKDIR /app
COPY package.json bun.lock ./
# Without the databases and tools of development.
RUN bun install --frozen-lockfile --production
COPY scripts/build.ts scripts/third-party.ts scripts/
COPY db db
COPY src src
RUN bun run build

FROM oven/bun:1.4.5-slim
ARG SOURCE=
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="Healthcare Appointment System"
LABEL org.opencontainers.image.description="The API a clinic can trust with its calendar, its patients' histories and its money."
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.licenses="MIT"
LABEL org.opencontainers.image.base.name="docker.io/oven/bun:1.4.5-slim"
LABEL org.opencontainers.image.source="$SOURCE"
LABEL org.opencontainers.image.revision="$REVISION"
LABEL org.opencontainers.image.created="$CREATED"
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/dist dist
USER bun
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`)).ok ? 0 : 1)"]
CMD ["bun", "dist/index.js"]
