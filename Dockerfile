FROM oven/bun:1.4.5-slim AS build
WORKDIR /app
COPY package.json bun.lock ./
# Optional dependencies stay in this stage: bcrypt's addon, which the build copies, and databases for development.
RUN bun install --frozen-lockfile --production
COPY scripts/build.ts scripts/
COPY db db
COPY src src
RUN bun run build

FROM oven/bun:1.4.5-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/dist dist
USER bun
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`)).ok ? 0 : 1)"]
CMD ["bun", "dist/index.js"]
