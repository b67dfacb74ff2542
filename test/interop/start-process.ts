import { type ChildProcess, spawn } from 'node:child_process'
import type { Command } from './run.ts'

/** A program in the background. It is ended by its own process id. */
export interface RunningProcess extends AsyncDisposable {
  readonly child: ChildProcess
  /** What it has said so far, on both outputs. */
  said(): string
}

/** Starts a program that runs until it is disposed of. */
export function startProcess(command: Command): RunningProcess {
  const child = spawn(command.program, command.args, {
    env: { ...(command.env ?? process.env) },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const hear = (words: string): void => void (said += words)
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      hear(String(error))
      resolve()
    })
    child.once('exit', () => resolve())
  })
  // SIGTERM: a daemon that is killed outright leaves its own children behind.
  const endOnExit = (): void => void child.kill('SIGTERM')
  process.once('exit', endOnExit)
  return {
    child,
    said: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      process.off('exit', endOnExit)
    },
  }
}
