import type { Command } from './command.ts'

/** A command that is loaded when it is asked for: the others cost nothing. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  /** Undefined for a command of the plan that is not built yet. */
  readonly load: (() => Promise<Command>) | undefined
}

/** All commands, in the order help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'build',
    summary: 'Make what a definition describes, and print where it is',
    load: async () => (await import('./build-command.ts')).buildCommand,
  },
  {
    name: 'stream',
    summary: 'Write an image to standard output as an uncompressed docker-archive',
    load: async () => (await import('./stream-command.ts')).streamCommand,
  },
  {
    name: 'layers',
    summary: 'Print how store paths are grouped into layers',
    load: async () => (await import('./layers-command.ts')).layersCommand,
  },
  {
    name: 'export',
    summary: 'Write the file system of an image as one tar',
    load: async () => (await import('./export-command.ts')).exportCommand,
  },
  {
    name: 'inspect',
    summary: 'Tell what the images of an archive are made of',
    load: async () => (await import('./inspect-command.ts')).inspectCommand,
  },
  {
    name: 'store',
    summary: 'Add to a store, look into it, check it, clean it up',
    load: async () => (await import('./store-command.ts')).storeCommand,
  },
  {
    name: 'merge',
    summary: 'Put the images of several archives into one',
    load: async () => (await import('./merge-command.ts')).mergeCommand,
  },
  {
    name: 'tarsum',
    summary: 'Print the checksum of a tar that its order and times do not move',
    load: async () => (await import('./tarsum-command.ts')).tarsumCommand,
  },
  {
    name: 'completion',
    summary: 'Print a script that completes command lines in bash, zsh or fish',
    load: async () => (await import('./completion-command.ts')).completionCommand(loadCommands),
  },
  ...['load', 'push', 'pull', 'prefetch'].map((name) => ({
    name,
    summary: 'Not supported yet',
    load: undefined,
  })),
]

async function loadCommands(): Promise<readonly Command[]> {
  const commands = await Promise.all(COMMANDS.map(async ({ load }) => await load?.()))
  return commands.filter((command) => command !== undefined)
}
