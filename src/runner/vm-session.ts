import type { Readable } from 'node:stream'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { type GuestOptions, startGuest } from './vm-qemu.ts'

/** What became of a guest. */
export interface GuestReport {
  /** How far it came, in its own words. */
  readonly hasBooted: boolean
  /** The status of the script, once the disk was put in order behind it. */
  readonly status: number | undefined
  /** Why the guest could not even begin. */
  readonly failure: string | undefined
  /** Whether the guest ended processes for want of memory. */
  readonly isOutOfMemory: boolean
  /** Blocks and inodes that were left. */
  readonly freeBlocks: number | undefined
  readonly freeInodes: number | undefined
  readonly stderrTail: string
  /** The end of what the kernel and qemu said. */
  readonly console: string
}

/** A guest and what limits it. */
export interface SessionOptions extends GuestOptions {
  readonly step: string
  /** From the start of the script on. */
  readonly timeoutSeconds: number | undefined
  /** From the start of qemu to the first word of the guest. */
  readonly bootSeconds: number
  readonly signal: AbortSignal | undefined
}

/** How much of each output is kept. */
const TAIL_CHARACTERS = 4096
const MAX_CONTROL_CHARACTERS = 64 * 1024
/** A line that is not finished is reported after so long. */
const SAY_AFTER_MS = 100
/** From the script's end on, the disk has to be put in order within this. */
const END_SECONDS = 120

/**
 * Starts a guest and follows it to its end. The script's output is reported as
 * it comes.
 *
 * @throws {DockerToolsError} `INTERRUPTED`, `LIMIT_EXCEEDED` when the time is up.
 */
export async function runGuest(options: SessionOptions): Promise<GuestReport> {
  if (isAborted(options.signal)) throw interrupted(options.step)
  await using guest = startGuest(options)
  const kill = (): void => guest.kill()
  options.signal?.addEventListener('abort', kill, { once: true })
  using clock = new Clock(kill)
  clock.set(options.bootSeconds)
  const control = new Control(options, clock)
  const [kernel, stdout, stderr, words] = guest.lines
  const said = keepTail(stderr, options.step)
  keepTail(stdout, options.step)
  const messages = keepTail(kernel)
  const complaint = keepTail(guest.stderr)
  onText(words, (text) => control.read(text, kill))
  try {
    await guest.ended
  } finally {
    options.signal?.removeEventListener('abort', kill)
  }
  if (isAborted(options.signal)) throw interrupted(options.step)
  if (clock.isLate && control.isRunning) throw late(options)
  return { ...control.report(), stderrTail: said(), console: `${complaint()}${messages()}` }
}

/** Kills when the time is up. */
class Clock implements Disposable {
  isLate = false
  readonly #onLate: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(onLate: () => void) {
    this.#onLate = onLate
  }

  set(seconds: number | undefined): void {
    clearTimeout(this.#timer)
    if (seconds === undefined) return
    this.#timer = setTimeout(() => {
      this.isLate = true
      this.#onLate()
    }, seconds * 1000)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

/** What the guest's first process says. The script can write there too, so nothing is believed but of the script itself. */
class Control {
  /** Whether the script is running now. */
  isRunning = false
  readonly #options: SessionOptions
  readonly #clock: Clock
  readonly #facts = new Map<string, string>()
  #rest = ''
  #length = 0

  constructor(options: SessionOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  read(text: string, kill: () => void): void {
    this.#length += text.length
    if (this.#length > MAX_CONTROL_CHARACTERS) return kill()
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#take(line.trimEnd())
  }

  report(): Omit<GuestReport, 'stderrTail' | 'console'> {
    const [freeBlocks, freeInodes] = (this.#facts.get('free') ?? '').split(' ').map(parseCount)
    return {
      hasBooted: this.#facts.has('boot'),
      status: parseCount(this.#facts.get('ended')),
      failure: this.#facts.get('failed'),
      isOutOfMemory: (parseCount(this.#facts.get('killed')) ?? 0) > 0,
      freeBlocks,
      freeInodes,
    }
  }

  #take(line: string): void {
    const [word = '', ...rest] = line.split(' ')
    this.#facts.set(word, rest.join(' '))
    if (word === 'start') {
      this.isRunning = true
      this.#clock.set(this.#options.timeoutSeconds)
    } else if (word === 'killed') {
      this.isRunning = false
      this.#clock.set(END_SECONDS)
    } else if (word === 'boot') this.#clock.set(END_SECONDS)
  }
}

function parseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** Keeps the end of a stream, and reports all of it where it is the script's. */
function keepTail(stream: Readable, step?: string): () => string {
  let tail = ''
  let unsaid = ''
  const say = (): void => {
    if (step !== undefined && unsaid !== '') report({ type: 'script-output', step, text: unsaid })
    unsaid = ''
  }
  // A serial line gives a few bytes at a time.
  let timer: NodeJS.Timeout | undefined
  onText(stream, (text) => {
    tail = (tail + text).slice(-TAIL_CHARACTERS)
    unsaid += text
    clearTimeout(timer)
    if (text.includes('\n') || unsaid.length > TAIL_CHARACTERS) say()
    else timer = setTimeout(say, SAY_AFTER_MS)
  })
  stream.once('close', () => {
    clearTimeout(timer)
    say()
  })
  return () => tail
}

/** A guest that is killed breaks its lines; that it was shows in what it has said. */
function onText(stream: Readable, take: (text: string) => void): void {
  stream
    .setEncoding('utf8')
    .on('data', take)
    .on('error', () => undefined)
}

function late({ step, timeoutSeconds }: SessionOptions): DockerToolsError {
  return new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot finish ${step}: it takes longer than the time limit of ${timeoutSeconds} s`,
    { hint: 'Raise the time limit, or find out what the script waits for' },
  )
}

function interrupted(step: string): DockerToolsError {
  return new DockerToolsError('INTERRUPTED', `Cannot finish ${step}: it was interrupted`)
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
