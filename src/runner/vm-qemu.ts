import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { Readable } from 'node:stream'
import { DockerToolsError, systemErrorCode } from '#errors'

export type Accelerator = 'kvm' | 'tcg'

/** A guest to start. */
export interface GuestOptions {
  readonly qemu: string
  readonly accelerator: Accelerator
  readonly kernel: string
  readonly initramfs: string
  /** Images: the first is only read. */
  readonly disks: readonly [given: string, written: string]
  readonly memoryMiB: number
}

/** A guest that runs. */
export interface Guest extends AsyncDisposable {
  /** The kernel's messages, the script's two outputs, and what the first process says. */
  readonly lines: readonly [kernel: Readable, stdout: Readable, stderr: Readable, control: Readable]
  /** What qemu itself says. */
  readonly stderr: Readable
  /** Resolves when qemu has ended and everything it wrote has been read. */
  readonly ended: Promise<void>
  kill(): void
}

const MAX_CPUS = 2
const FIRST_LINE_FD = 3
const LINES = 4

/**
 * What a kernel is told: to say little, to end at a panic (`-no-reboot` makes
 * an end of the restart), and to spend no time on what a guest of seconds does not need.
 */
const KERNEL_ARGUMENTS = [
  'console=ttyS0',
  'quiet',
  'loglevel=4',
  'panic=-1',
  'oops=panic',
  '8250.nr_uarts=4',
  'nokaslr',
  'mitigations=off',
  'random.trust_cpu=on',
  'cryptomgr.notests',
  'tsc=reliable',
  'no_timer_check',
  'rdinit=/init',
].join(' ')

/**
 * Starts a guest without anything but two disks and four serial lines: no
 * network, no display, no firmware settings of the user's.
 *
 * @throws {DockerToolsError} `PROGRAM_MISSING`.
 */
export function startGuest(options: GuestOptions): Guest {
  const program = [options.qemu, ...machineArguments(options), ...lineArguments(), ...diskArguments(options.disks)]
  // Ended with this process even where nobody is left to end it.
  const command = ['setpriv', '--pdeathsig', 'KILL', ...program]
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', ...Array.from({ length: LINES }, () => 'pipe' as const)],
    detached: true,
  })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => reject(startError(cause)))
    child.once('close', () => resolve())
  }).finally(() => process.off('exit', kill))
  ended.catch(() => undefined)
  const [, , stderr, ...sockets] = child.stdio
  return {
    lines: sockets as unknown as Guest['lines'],
    stderr: stderr as Readable,
    ended,
    kill,
    async [Symbol.asyncDispose]() {
      kill()
      await ended.catch(() => undefined)
    },
  }
}

function machineArguments({ accelerator, memoryMiB, kernel, initramfs }: GuestOptions): readonly string[] {
  const options = {
    machine: 'pc',
    accel: accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi',
    cpu: accelerator === 'kvm' ? 'host' : 'max',
    smp: String(Math.min(MAX_CPUS, availableParallelism())),
    m: `${memoryMiB}M`,
    display: 'none',
    kernel,
    initrd: initramfs,
    append: KERNEL_ARGUMENTS,
  }
  const switches = ['-nodefaults', '-no-user-config', '-no-reboot']
  return [...switches, ...Object.entries(options).flatMap(([name, value]) => [`-${name}`, value])]
}

function lineArguments(): readonly string[] {
  return Array.from({ length: LINES }, (_, line) => {
    return ['-chardev', `socket,id=line${line},fd=${FIRST_LINE_FD + line}`, '-serial', `chardev:line${line}`]
  }).flat()
}

function diskArguments([given, written]: GuestOptions['disks']): readonly string[] {
  return ['-drive', drive('given', given, 'readonly=on'), '-drive', drive('written', written, 'cache=unsafe')]
}

/** A comma ends a value, and two stand for one. */
function drive(id: string, path: string, option: string): string {
  return `if=virtio,format=raw,id=${id},file=${path.replaceAll(',', ',,')},${option}`
}

function startError(cause: Error): Error {
  if (systemErrorCode(cause) !== 'ENOENT') return cause
  return new DockerToolsError('PROGRAM_MISSING', 'Cannot start a guest: there is no program "setpriv"', {
    hint: 'Install util-linux',
    cause,
  })
}
