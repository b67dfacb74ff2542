import assert from 'node:assert/strict'
import type { Check, Checks } from './check.ts'
import { runsNix } from './image-checks.ts'

/** What an image prints by itself, on a terminal. */
function prints(definition: string, expected: RegExp): Check {
  return async (lab) => {
    assert.match(await lab.runs('--tty', await lab.image(definition)), expected)
  }
}

function knowsReferences(definition: string): Check {
  return async (lab) => {
    const image = await lab.image(definition)
    const references = await runsNix(lab, image, 'nix-store', '-q', '--references', '/bin/bash')
    assert.match(references, /^\/nix\/store\/\w{32}-\S+$/m)
  }
}

/** N1 to N11: images of nix-shells. */
export const SHELL_CHECKS: Checks = {
  N1: knowsReferences('nix'),
  async N2(lab) {
    const said = await lab.runs(await lab.image('nix-shell-basic'), 'bash', '-c', 'buildDerivation && $out')
    assert.equal(said, 'Hello, world!\n')
  },
  N3: prints('nix-shell-hook', /This is the shell hook!/),
  N4: prints('nix-shell-inputs', /Hello, world!/),
  N5: prints('nix-shell-pass-as-file', /this is a string/),
  async N6(lab) {
    assert.match(await lab.runs('--tty', await lab.image('nix-shell-run')), /This shell is not interactive/)
  },
  N7: prints('nix-shell-command', /This shell is interactive/),
  N8: prints('nix-shell-writable-home', /^written\r?$/m),
  N9: prints('nix-shell-nonexistent-home', /^\/homeless-shelter\r?$/m),
  N10: prints('nix-shell-build-derivation', /Hello, world!/),
  N11: knowsReferences('nix-layered'),
}
