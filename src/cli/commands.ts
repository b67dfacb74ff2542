import type { Command } from './command.ts'

/** A command that is loaded when it is asked for: the others cost nothing. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<Command>
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
    summary: 'Tell what the images of an archive, or of a registry, are made of',
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
    name: 'pull',
    summary: 'Fetch an image from a registry into a docker-archive',
    load: async () => (await import('./pull-command.ts')).pullCommand,
  },
  {
    name: 'prefetch',
    summary: 'Fetch an image, and print the arguments by which pullImage gets it again',
    load: async () => (await import('./prefetch-command.ts')).prefetchCommand,
  },
  {
    name: 'push',
    summary: 'Push an image to a registry',
    load: async () => (await import('./push-command.ts')).pushCommand,
  },
  {
    name: 'load',
    summary: 'Load an image into Docker, podman or containerd',
    load: async () => (await import('./load-command.ts')).loadCommand,
  },
  {
    name: 'completion',
    summary: 'Print a script that completes command lines in bash, zsh or fish',
    load: async () => (await import('./completion-command.ts')).completionCommand(loadCommands),
  },
]

async function loadCommands(): Promise<readonly Command[]> {
  return await Promise.all(COMMANDS.map(async ({ load }) => await load()))
}
