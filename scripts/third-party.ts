import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

type Manifest = {
  name: string
  version: string
  license?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, object>
}

export type Package = { folder: string; manifest: Manifest; needs: string[] }

const readManifest = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

export const purlOf = ({ name, version }: Manifest) => `pkg:npm/${name.replace('@', '%40')}@${version}`

/** The packages that this project needs when it runs, as they are installed, by package URL and in its order. */
export function runtimePackages(root: string): Map<string, Package> {
  const found = new Map<string, Package>()
  const visit = (folder: string, { dependencies, ...optional }: Manifest): string[] => {
    const needs: string[] = []
    const { optionalDependencies, peerDependencies, peerDependenciesMeta } = optional
    const mayBeAbsent = { ...optionalDependencies, ...peerDependencies, ...peerDependenciesMeta }
    for (const name of Object.keys({ ...dependencies, ...mayBeAbsent })) {
      const home = findPackage(folder, name)
      if (home === undefined) {
        if (name in mayBeAbsent) continue
        throw new Error(`${name} is not installed: run bun install`)
      }
      const manifest = readManifest(home)
      const purl = purlOf(manifest)
      needs.push(purl)
      if (found.has(purl)) continue
      const entry: Package = { folder: home, manifest, needs: [] }
      found.set(purl, entry)
      entry.needs = visit(home, manifest)
    }
    return needs.sort()
  }
  const { dependencies = {} } = readManifest(root)
  visit(root, { name: '', version: '', dependencies })
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function findPackage(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const home = join(folder, 'node_modules', name)
    if (existsSync(join(home, 'package.json'))) return home
    if (folder === dirname(folder)) return undefined
  }
}

/** The licences and notices of all packages, in full. */
export const noticesOf = (packages: Map<string, Package>): string =>
  [...packages.values()].map(({ folder, manifest }) => `${titleOf(manifest)}\n\n${textsOf(folder)}\n`).join('\n')

const titleOf = ({ name, version, license }: Manifest) =>
  `${'='.repeat(80)}\n${name} ${version} (${license ?? 'see below'})`

function textsOf(folder: string): string {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)|\.licen[cs]e\.txt$/i.test(file))
  if (files.length === 0) return 'The package has no file with its licence; its name is above.'
  return files
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    .join('\n\n')
}

/** A software bill of materials (CycloneDX 1.6). Without times and random ids: the same packages make the same file. */
export function billOfMaterials(root: string, packages: Map<string, Package>) {
  const own = readManifest(root)
  const ownPurl = purlOf(own)
  const direct = new Set(Object.keys(own.dependencies ?? {}))
  const needed = [...packages].filter(([, { manifest }]) => direct.has(manifest.name)).map(([purl]) => purl)
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', ...componentOf(ownPurl, own) } },
    components: [...packages].map(([purl, { manifest }]) => ({ type: 'library', ...componentOf(purl, manifest) })),
    dependencies: [
      { ref: ownPurl, dependsOn: needed },
      ...[...packages].map(([ref, { needs }]) => ({ ref, dependsOn: needs })),
    ],
  }
}

function componentOf(purl: string, { name, version, license }: Manifest) {
  const licenses =
    license === undefined ? [] : [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }]
  return { 'bom-ref': purl, name, version, licenses, purl }
}
