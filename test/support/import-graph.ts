import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** Sources by their path below `src/`. */
export type Sources = ReadonlyMap<string, string>

/** All sources of the package but its tests. */
export function readSources(srcFolder: string): Sources {
  const files = globSync('**/*.ts', { cwd: srcFolder })
    .filter((file) => !file.endsWith('.test.ts'))
    .toSorted()
  return new Map(files.map((file) => [file, readFileSync(join(srcFolder, file), 'utf8')]))
}

/** What a file imports, types included: the words between the quotes. */
export function importsOf(text: string): readonly string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const found = code.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)
  return [...found].map(([, specifier = '']) => specifier)
}

/** Tiers from the lowest up. An arrow may skip a tier, and never points up. */
const TIERS: readonly (readonly string[])[] = [
  ['errors', 'events'],
  ['util'],
  ['tar', 'compress', 'http'],
  ['image', 'store', 'tree', 'ext2'],
  ['archive', 'layer', 'registry', 'engine', 'derivation', 'runner', 'layering', 'packages'],
  ['docker-tools'],
  ['index'],
  ['cli'],
]

/** Neighbours of one tier that may know each other all the same. */
const ALLOWED_NEIGHBOURS: readonly string[] = [
  'store > tree',
  'derivation > runner',
  'packages > derivation',
  'events > errors',
]

/** Every import that the rules forbid, as a sentence. */
export function findViolations(sources: Sources): readonly string[] {
  const found: string[] = []
  for (const [file, text] of sources) {
    for (const specifier of importsOf(text)) {
      const reason = whyForbidden(file, specifier, sources)
      if (reason !== undefined) found.push(`${file} imports "${specifier}": ${reason}`)
    }
  }
  return [...found, ...findCycles(sources)]
}

function whyForbidden(file: string, specifier: string, sources: Sources): string | undefined {
  if (specifier.startsWith('../')) return 'no import leaves its folder by "../"'
  if (specifier.startsWith('./')) {
    if (!sources.has(join(dirname(file), specifier))) return 'there is no such file'
    return dirname(file) === '.' && specifier.includes('/', 2) ? 'a folder is entered by its "#" name' : undefined
  }
  if (!specifier.startsWith('#')) return undefined
  const [from, to] = [partOf(file), specifier.slice(1)]
  if (!sources.has(`${to}.ts`) && !sources.has(`${to}/index.ts`)) return 'there is no such folder'
  const [lower, upper] = [tierOf(to), tierOf(from)]
  if (lower === -1 || upper === -1) return `${lower === -1 ? to : from} stands in no tier`
  if (from === to) return 'inside a folder files are imported by "./"'
  if (lower > upper || (lower === upper && !ALLOWED_NEIGHBOURS.includes(`${from} > ${to}`))) {
    return `${from} may not import ${to}`
  }
  return undefined
}

/** The folder of a file, or its name where it lies above all folders. */
function partOf(file: string): string {
  const [first = ''] = file.split('/')
  return first.replace(/\.ts$/, '')
}

function tierOf(part: string): number {
  return TIERS.findIndex((tier) => tier.includes(part))
}

/** Files that import each other in a circle, type-only imports included. */
function findCycles(sources: Sources): readonly string[] {
  const targets = (file: string): readonly string[] =>
    importsOf(sources.get(file) ?? '')
      .map((specifier) => targetOf(file, specifier, sources))
      .filter((target) => target !== undefined)
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start !== -1) found.push(`a circle of imports: ${[...path.slice(start), file].join(' > ')}`)
    if (start !== -1 || done.has(file)) return
    for (const target of targets(file)) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of sources.keys()) visit(file, [])
  return found
}

function targetOf(file: string, specifier: string, sources: Sources): string | undefined {
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier))
  if (!specifier.startsWith('#')) return undefined
  const name = specifier.slice(1)
  return sources.has(`${name}.ts`) ? `${name}.ts` : `${name}/index.ts`
}
