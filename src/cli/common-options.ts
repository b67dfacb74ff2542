import type { BuildOptions } from '#docker-tools'
import { type CommandInput, type CommandOption, switchOption, textOptions } from './command.ts'

/** Options that every command has. */
export const OUTPUT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  quiet: { type: 'boolean', short: 'q', description: 'Say nothing but warnings and errors' },
  'log-format': { type: 'string', valueName: 'text|json', description: 'How messages are written to stderr' },
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
      'Where store paths come from, repeatable, first match wins: auto, nix, local, local:ROOT, file:///…, https://…, graph:FILE',
  },
  'trusted-public-key': {
    type: 'string',
    multiple: true,
    valueName: 'NAME:KEY',
    description: 'A key that signs paths of binary caches, repeatable; the public Nix cache’s is built in',
  },
  'no-check-signatures': { type: 'boolean', description: 'Take paths from binary caches without a signature' },
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
