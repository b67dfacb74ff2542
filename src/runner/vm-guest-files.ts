import { readFileSync } from 'node:fs'
import { type ByteString, toByteString } from '#util'
import type { RunJob } from './runner.ts'
import type { JobFile } from './vm-given-disk.ts'
import { guestProgram, isolatedProgram, startLine } from './vm-guest-program.ts'
import type { InitramfsEntry } from './vm-initramfs.ts'
import type { GuestKernel } from './vm-kernel.ts'
import type { KernelModule } from './vm-modules.ts'
import type { GuestPrograms } from './vm-programs.ts'

/** What this machine has of a guest. */
export interface GuestParts {
  readonly programs: GuestPrograms
  readonly kernel: GuestKernel
  readonly modules: readonly KernelModule[]
}

const ROOT_OWNED = { uid: 0, gid: 0 }
const NOTHING = new Uint8Array()

/** What is in memory when the guest starts: its first process, busybox, modules. */
export function initramfsEntries(job: RunJob, { programs, modules }: GuestParts): readonly InitramfsEntry[] {
  const folders = 'bin dev proc root view given disk cgroup run modules'.split(' ')
  return [
    ...folders.map((path): InitramfsEntry => ({ path: toByteString(path), mode: 0o755, type: 'directory' })),
    { path: 'dev/console' as ByteString, mode: 0o600, type: 'char', major: 5, minor: 1 },
    bootFile('init', 0o755, Buffer.from(guestProgram(job.base !== undefined))),
    bootFile('bin/busybox', 0o755, readFileSync(programs.busybox)),
    ...modules.map(({ name, content }) => bootFile(`modules/${name}`, 0o644, content)),
    bootFile('modules/list', 0o644, Buffer.from(modules.map(({ name }) => `${name}\n`).join(''))),
  ]
}

function bootFile(path: string, mode: number, content: Uint8Array): InitramfsEntry {
  return { path: toByteString(path), mode, type: 'file', content }
}

/** What is on the guest's first disk besides trees: the script, and what starts it. */
export function jobFiles(job: RunJob, { busybox, applets, staticBash }: GuestPrograms): readonly JobFile[] {
  return [
    jobFile('script', 0o644, Buffer.from(`${job.script}\n`)),
    jobFile('start', 0o644, Buffer.from(startLine(job))),
    jobFile('isolated', 0o644, Buffer.from(isolatedProgram(job))),
    jobFile('busybox', 0o755, readFileSync(busybox)),
    ...(staticBash === undefined ? [] : [jobFile('bash', 0o755, readFileSync(staticBash))]),
    { entry: { ...ROOT_OWNED, path: toByteString('job/bin'), mode: 0o755, type: 'directory' }, content: NOTHING },
    ...applets.map((name) => toolLink(name, '../busybox')),
    ...(staticBash === undefined ? [] : [toolLink('bash', '../bash')]),
  ]
}

function jobFile(name: string, mode: number, content: Uint8Array): JobFile {
  const path = toByteString(`job/${name}`)
  return { entry: { ...ROOT_OWNED, path, mode, type: 'file', size: content.length }, content }
}

function toolLink(name: string, target: string): JobFile {
  const path = toByteString(`job/bin/${name}`)
  return {
    entry: { ...ROOT_OWNED, path, mode: 0o777, type: 'symlink', target: toByteString(target) },
    content: NOTHING,
  }
}
