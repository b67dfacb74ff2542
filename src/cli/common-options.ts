import { resolve } from 'node:path'
import type { BuildOptions } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { RUNNER_NAMES } from '#runner'
import { type CommandInput, type CommandOption, switchOption, textOption, textOptions } from './command.ts'

/** Options that every command has. */
export const OUTPUT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  quiet: { type: 'boolean', short: 'q', description: 'Say nothing but warnings, errors and what scripts print' },
  'log-format': {
    type: 'string',
    valueName: 'text|json',
    description: 'How messages are written to stderr; default text',
  },
  debug: { type: 'boolean', description: 'Add the stack to an error' },
  help: { type: 'boolean', short: 'h', description: 'Show this help' },
}

/** Options of every command that reads store paths. */
export const STORE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  store: {
    type: 'string',
    multiple: true,
    valueName: 'URL',
    description:
      'Where store paths come from, repeatable, first match wins: auto (the default), nix, local, local:ROOT, file:///…, https://…, graph:FILE',
  },
  'trusted-public-key': {
    type: 'string',
    multiple: true,
    valueName: 'NAME:KEY',
    description: 'A key that signs paths of binary caches, repeatable; the public Nix cache’s is built in',
  },
  'no-check-signatures': { type: 'boolean', description: 'Take paths from binary caches without a signature' },
}

/** Options of every command that makes what a definition describes. */
export const MAKE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  builder: {
    type: 'string',
    valueName: 'own|nix',
    description: 'Who builds derivations: this program (own, the default), or an installed Nix (nix)',
  },
  runner: {
    type: 'string',
    valueName: 'plain|fakeroot|namespace|vm',
    description: 'How scripts run; default: the first that can, plain is for extraCommands only',
  },
  'vm-kernel': {
    type: 'string',
    valueName: 'FILE',
    description: 'The Linux kernel that the runner vm starts; default: one of this machine’s',
  },
  timeout: { type: 'string', valueName: 'SECONDS', description: 'How long each script may take; default: for ever' },
}

/** What these options say. @throws {DockerToolsError} `USAGE`. */
export function makeOptions(
  input: CommandInput,
): Pick<BuildOptions, 'builder' | 'runner' | 'vmKernel' | 'scriptTimeoutSeconds'> {
  const wanted = textOption(input, 'runner')
  const runner = RUNNER_NAMES.find((name) => name === wanted)
  if (wanted !== undefined && runner === undefined) {
    throw new DockerToolsError(
      'USAGE',
      `Cannot use "${wanted}" as --runner: it should be one of ${RUNNER_NAMES.join(', ')}`,
    )
  }
  const vmKernel = textOption(input, 'vm-kernel')
  const seconds = textOption(input, 'timeout')
  if (seconds !== undefined && !/^[1-9]\d{0,5}$/.test(seconds)) {
    throw new DockerToolsError(
      'USAGE',
      `Cannot use "${seconds}" as --timeout: it should be a number of seconds above 0`,
    )
  }
  return {
    ...builderOption(input),
    ...(runner === undefined ? {} : { runner }),
    ...(vmKernel === undefined ? {} : { vmKernel: resolve(vmKernel) }),
    ...(seconds === undefined ? {} : { scriptTimeoutSeconds: Number(seconds) }),
  }
}

/** What the store options say. */
export function storeOptions(input: CommandInput): BuildOptions {
  const stores = textOptions(input, 'store')
  return {
    ...(stores.length === 0 ? {} : { stores }),
    trustedPublicKeys: textOptions(input, 'trusted-public-key'),
    checkSignatures: !switchOption(input, 'no-check-signatures'),
  }
}

/** @throws {DockerToolsError} `USAGE` for another builder. */
function builderOption(input: CommandInput): Pick<BuildOptions, 'builder'> {
  const builder = textOption(input, 'builder')
  if (builder === undefined) return {}
  if (builder === 'own' || builder === 'nix') return { builder }
  throw new DockerToolsError('USAGE', `Cannot use builder "${builder}": it should be "own" or "nix"`)
}
