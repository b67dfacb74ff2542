import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What leads to settings, stores and caches of the user. */
const VARIABLES = [
  'DOCKERTOOLS_STORE',
  'DOCKER_CONFIG',
  'REGISTRY_AUTH_FILE',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
]

/**
 * Gives the tests of this process, and what they start, a home of their own in
 * which there is nothing: for those that call what looks into the user's.
 */
export function useOwnHome(): void {
  const home = mkdtempSync(join(tmpdir(), 'dockertools-home-'))
  process.on('exit', () => {
    // Folders of a store in it may not be written to, also by who owns them.
    spawnSync('chmod', ['-R', 'u+rwX', home])
    rmSync(home, { recursive: true, force: true })
  })
  for (const name of VARIABLES) delete process.env[name]
  process.env['HOME'] = home
}
