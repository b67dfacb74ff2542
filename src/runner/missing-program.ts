import { spawnSync } from 'node:child_process'
import { STANDARD_PATH } from './script-environment.ts'

/** The first of these programs that is not here. */
export function missingProgram(programs: readonly string[]): string | undefined {
  return programs.find((program) => {
    const env = { PATH: STANDARD_PATH }
    return spawnSync('bash', ['-c', 'type -P "$0"', program], { env }).status !== 0
  })
}
