import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

/** What a command took. */
export interface CommandCost {
  readonly seconds: number
  readonly peakBytes: number
  /** Of the command's own processes: other work on the machine moves it less than the time on the clock. */
  readonly processorSeconds: number
}

/** Runs a line of bash and measures it, with the program `time` where it is there. */
export function measureCommand(command: string, environment: Readonly<Record<string, string>> = {}): CommandCost {
  const begin = performance.now()
  const line = `if command -v /usr/bin/time >/dev/null; then /usr/bin/time -f 'peak %M cpu %U %S' bash -o pipefail -c "$1"; else bash -o pipefail -c "$1"; fi`
  const result = spawnSync('bash', ['-c', line, 'bash', command], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  })
  if (result.status !== 0) throw new Error(`${command} failed: ${result.stderr}`)
  const peak = Number(/peak (\d+)/.exec(result.stderr)?.[1] ?? Number.NaN)
  const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(result.stderr) ?? []
  const processorSeconds = Number(user ?? Number.NaN) + Number(system ?? Number.NaN)
  return { seconds: (performance.now() - begin) / 1000, peakBytes: peak * 1024, processorSeconds }
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/**
 * Runs commands in turn, some rounds of each, and prints the medians as a table.
 *
 * `outputs` are removed before each run: a program that puts a new file in the old one's place needs pages for both,
 * and one that truncates it does not, which is not what is measured.
 */
export function compareCommands(
  commands: Readonly<Record<string, string>>,
  rounds: number,
  environment: Readonly<Record<string, string>> = {},
  outputs: readonly string[] = [],
): void {
  const costs = new Map<string, CommandCost[]>(Object.keys(commands).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, command] of Object.entries(commands)) {
      for (const file of outputs) rmSync(file, { force: true })
      costs.get(name)?.push(measureCommand(command, environment))
    }
  }
  const middle = (name: string): number => median((costs.get(name) ?? []).map((cost) => cost.seconds))
  const yardstick = middle(Object.keys(commands)[0] ?? '')
  console.log('| run | median s | × yardstick | processor s | peak MB |\n|---|---:|---:|---:|---:|')
  for (const [name, all] of costs) {
    const peak = Math.max(...all.map((cost) => cost.peakBytes)) / 1e6
    const seconds = middle(name)
    const processor = median(all.map((cost) => cost.processorSeconds)).toFixed(2)
    console.log(
      `| ${name} | ${seconds.toFixed(2)} | ${(seconds / yardstick).toFixed(2)} | ${processor} | ${peak.toFixed(0)} |`,
    )
  }
}
