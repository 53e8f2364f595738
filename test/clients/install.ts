const REGISTRY = process.env.NPM_CONFIG_REGISTRY ?? process.env.npm_config_registry ?? 'https://registry.npmjs.org/'

/**
 * Installs the generators, which are no dependencies of this project, at the versions of `bun.lock`. False, with a line that
 * says why, where the registry cannot be reached.
 */
export async function installGenerators(): Promise<boolean> {
  const command = [process.execPath, 'install', '--frozen-lockfile', '--ignore-scripts']
  const child = Bun.spawn(command, { cwd: import.meta.dir, stdout: 'ignore', stderr: 'pipe' })
  const errors = await new Response(child.stderr).text()
  if ((await child.exited) === 0) return true
  if (await canReach(REGISTRY)) throw new Error(`the generators of clients cannot be installed: ${errors}`)
  console.log(`skipped: generated clients need packages from ${new URL(REGISTRY).host}, which cannot be reached`)
  return false
}

const canReach = (url: string) =>
  fetch(url, { method: 'HEAD' }).then(
    () => true,
    () => false,
  )
