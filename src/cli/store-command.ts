import { DockerToolsError } from '#errors'
import { withReporter } from '#events'
import { nearestName } from '#util'
import type { Command, CommandInput, CommandOption, CommandVerb } from './command.ts'
import { OUTPUT_OPTIONS, STORE_OPTIONS } from './common-options.ts'
import { reporterOf } from './session.ts'
import { storeAdd, storeClosure, storeCopy, storeGc, storeInfo, storeVerify } from './store-verbs.ts'

/** A verb, and what does it. */
interface StoreVerb extends CommandVerb {
  run(input: CommandInput): Promise<void>
}

const READ_OPTIONS = Object.keys(STORE_OPTIONS)

/** Of verbs that write: what paths come from is not what they take. */
const WRITE_DESCRIPTIONS = {
  store: 'The store: local or local:ROOT; default: the first such in DOCKERTOOLS_STORE, else local',
}

const VERBS: Readonly<Record<string, StoreVerb>> = {
  add: {
    usage: 'PATH… [--name NAME] [--root LINK]',
    summary: 'Add files and folders, and print their store paths',
    positionals: [1, Infinity],
    options: ['name', 'root', 'json', 'store'],
    descriptions: WRITE_DESCRIPTIONS,
    examples: [
      ['dockertools store add ./site', 'Add a folder, and print its store path'],
      ['dockertools store add ./site --name pages --root result-pages', 'Under another name, kept from gc by a link'],
    ],
    run: storeAdd,
  },
  info: {
    usage: 'STOREPATH…',
    summary: 'Print what a store knows of paths: hash, size, references, signatures',
    positionals: [1, Infinity],
    options: ['json', ...READ_OPTIONS],
    examples: [['dockertools store info /nix/store/…-hello-2.12 --json', 'What is known of a path, for programs']],
    run: storeInfo,
  },
  closure: {
    usage: 'STOREPATH…',
    summary: 'Print paths with all they refer to',
    positionals: [1, Infinity],
    options: ['json', ...READ_OPTIONS],
    examples: [
      ['dockertools store closure /nix/store/…-hello-2.12', 'What a program needs at run time'],
      ['dockertools store closure --json /nix/store/…-hello-2.12 > graph.json', 'A graph for dockertools layers'],
    ],
    run: storeClosure,
  },
  verify: {
    usage: '[--check-contents]',
    summary: 'Compare a store with its database; status 3 where something is wrong',
    positionals: [0, 0],
    options: ['check-contents', 'json', 'store'],
    descriptions: WRITE_DESCRIPTIONS,
    examples: [['dockertools store verify --check-contents', 'Read everything and compare hashes']],
    run: storeVerify,
  },
  gc: {
    usage: '[--dry-run]',
    summary: 'Delete what no root reaches, and print it',
    positionals: [0, 0],
    options: ['dry-run', 'json', 'store'],
    descriptions: WRITE_DESCRIPTIONS,
    examples: [['dockertools store gc --dry-run', 'Say what would be deleted']],
    run: storeGc,
  },
  copy: {
    usage: '[--from URL] [--to URL] STOREPATH… [--root LINK]',
    summary: 'Copy paths with all they refer to, and print those that were not there',
    positionals: [1, Infinity],
    options: ['from', 'to', 'root', 'json', ...READ_OPTIONS],
    examples: [
      [
        'dockertools store copy --from https://cache.nixos.org /nix/store/…-hello-2.12',
        'Fetch a path with all it needs',
      ],
    ],
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
    'add, verify, gc and copy need a store that can be written: local (the default) or local:ROOT.',
  ].join('\n'),
  positionals: [1, Infinity],
  options: { ...VERB_OPTIONS, ...STORE_OPTIONS, ...OUTPUT_OPTIONS },
  examples: Object.values(VERBS).map(({ examples: [first = ['', '']] }) => first),
  verbs: VERBS,
  run: runStore,
}

async function runStore(input: CommandInput): Promise<void> {
  const [name = '', ...positionals] = input.positionals
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (verb === undefined) throw wrongUsage(unknownVerb(name))
  const allowed = new Set([...verb.options, ...Object.keys(OUTPUT_OPTIONS)])
  const wrong = Object.keys(input.values).find((option) => !allowed.has(option))
  if (wrong !== undefined) throw wrongUsage(`Cannot use "--${wrong}" with store ${name}: it has no such option`)
  const [least, most] = verb.positionals
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
