import { DockerToolsError } from '#errors'
import { withReporter } from '#events'
import { nearestName } from '#util'
import { type Command, type CommandInput, type CommandOption } from './command.ts'
import { OUTPUT_OPTIONS, STORE_OPTIONS } from './common-options.ts'
import { reporterOf } from './session.ts'
import { storeAdd, storeClosure, storeCopy, storeGc, storeInfo, storeVerify } from './store-verbs.ts'

/** One thing that can be done with a store. */
interface StoreVerb {
  /** What stands behind it. */
  readonly usage: string
  /** How many paths it takes, at least and at most. */
  readonly paths: readonly [least: number, most: number]
  /** Options it has besides those that all have. */
  readonly options: readonly string[]
  run(input: CommandInput): Promise<void>
}

const READ_OPTIONS = Object.keys(STORE_OPTIONS)

const VERBS: Readonly<Record<string, StoreVerb>> = {
  add: {
    usage: 'PATH… [--name NAME] [--root LINK]',
    paths: [1, Infinity],
    options: ['store', 'name', 'root'],
    run: storeAdd,
  },
  info: { usage: 'STOREPATH…', paths: [1, Infinity], options: READ_OPTIONS, run: storeInfo },
  closure: { usage: 'STOREPATH…', paths: [1, Infinity], options: READ_OPTIONS, run: storeClosure },
  verify: { usage: '[--check-contents]', paths: [0, 0], options: ['store', 'check-contents'], run: storeVerify },
  gc: { usage: '[--dry-run]', paths: [0, 0], options: ['store', 'dry-run'], run: storeGc },
  copy: {
    usage: '[--from URL] [--to URL] STOREPATH… [--root LINK]',
    paths: [1, Infinity],
    options: [...READ_OPTIONS, 'from', 'to', 'root'],
    run: storeCopy,
  },
}

const VERB_OPTIONS: Readonly<Record<string, CommandOption>> = {
  name: { type: 'string', valueName: 'NAME', description: 'add: the name in the store path; default the file’s own' },
  root: { type: 'string', valueName: 'LINK', description: 'add, copy: a symlink to make that keeps the path from gc' },
  'check-contents': { type: 'boolean', description: 'verify: read all contents and compare their hashes' },
  'dry-run': { type: 'boolean', description: 'gc: only say what would be deleted' },
  from: { type: 'string', valueName: 'URL', description: 'copy: the store to copy from; default those of --store' },
  to: { type: 'string', valueName: 'URL', description: 'copy: the store to copy to; default local' },
  json: { type: 'boolean', description: 'Print the result as JSON' },
}

export const storeCommand: Command = {
  name: 'store',
  usage: 'add|info|closure|verify|gc|copy …',
  summary: 'Add to a store, look into it, check it, clean it up',
  description: [
    'Works on stores of paths, Nix’s or our own.',
    ...Object.entries(VERBS).map(([name, { usage }]) => `  dockertools store ${name} ${usage}`),
    'add, verify, gc and copy need a store that can be written: local (the default) or local:ROOT.',
  ].join('\n'),
  positionals: [1, Infinity],
  options: { ...VERB_OPTIONS, ...STORE_OPTIONS, ...OUTPUT_OPTIONS },
  examples: [
    ['dockertools store add ./site', 'Add a folder, and print its store path'],
    ['dockertools store copy --from https://cache.nixos.org /nix/store/…-hello-2.12', 'Fetch a path with all it needs'],
    ['dockertools store verify --check-contents', 'Read everything and compare hashes'],
  ],
  run: runStore,
}

async function runStore(input: CommandInput): Promise<void> {
  const [name = '', ...positionals] = input.positionals
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (verb === undefined) throw wrongUsage(unknownVerb(name))
  const allowed = new Set(['json', ...verb.options, ...Object.keys(OUTPUT_OPTIONS)])
  const wrong = Object.keys(input.values).find((option) => !allowed.has(option))
  if (wrong !== undefined) throw wrongUsage(`Cannot use "--${wrong}" with store ${name}: it has no such option`)
  const [least, most] = verb.paths
  if (positionals.length < least || positionals.length > most) {
    const expected = most === 0 ? 'no paths' : 'at least one path'
    throw wrongUsage(`Cannot run store ${name}: it takes ${expected}, ${positionals.length} are given`)
  }
  await withReporter(reporterOf(input), () => verb.run({ values: input.values, positionals }))
}

function unknownVerb(name: string): string {
  const nearest = nearestName(name, Object.keys(VERBS))
  const hint = nearest === undefined ? '' : `, the nearest is "${nearest}"`
  return `Cannot run store ${JSON.stringify(name)}: it should be add, info, closure, verify, gc or copy${hint}`
}

function wrongUsage(message: string): DockerToolsError {
  return new DockerToolsError('USAGE', message, { hint: 'Run dockertools store --help' })
}
