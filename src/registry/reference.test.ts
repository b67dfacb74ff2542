import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DockerToolsError } from '#errors'
import { formatReference, parseReference } from './reference.ts'

const DIGEST = `sha256:${'a1'.repeat(32)}`

describe('parseReference()', () => {
  // As `skopeo copy docker://NAME` reads them.
  for (const [text, full] of [
    ['redis', 'docker.io/library/redis'],
    ['redis:7', 'docker.io/library/redis:7'],
    ['library/redis', 'docker.io/library/redis'],
    ['docker.io/redis', 'docker.io/library/redis'],
    ['index.docker.io/library/redis', 'docker.io/library/redis'],
    ['nixos/nix:2.2.1', 'docker.io/nixos/nix:2.2.1'],
    ['localhost/a', 'localhost/a'],
    ['localhost:5000/a:v1', 'localhost:5000/a:v1'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c'],
    ['[::1]:5000/a:t', '[::1]:5000/a:t'],
    ['UPPER.io/a', 'UPPER.io/a'],
    ['quay.io/x/y__z-w.v:T_1', 'quay.io/x/y__z-w.v:T_1'],
    [`redis@${DIGEST}`, `docker.io/library/redis@${DIGEST}`],
    [`h.io:1/redis:7@${DIGEST}`, `h.io:1/redis:7@${DIGEST}`],
    ['docker://quay.io/a/b', 'quay.io/a/b'],
  ] as const) {
    test(`${text} is ${full}`, () => assert.equal(formatReference(parseReference(text)), full))
  }

  for (const [text, reason] of [
    ['', /the part ""/],
    ['a//b', /the part ""/],
    ['Redis', /the part "Redis"/],
    ['h.io/Redis', /the part "Redis"/],
    ['a:', /its tag is ""/],
    ['a:b c', /its tag is "b c"/],
    [`a:${'x'.repeat(129)}`, /up to 128/],
    ['a@0', /its digest should be "sha256:"/],
    [`a@${DIGEST}@${DIGEST}`, /more than one "@"/],
    ['h_x.io:99/a', /its registry is "h_x.io:99"/],
    ['h.io:70000/a', /with or without a port/],
    ['h.io/', /the part ""/],
    ['user@h.io/a', /its digest/],
    ['b'.repeat(64).replaceAll('b', 'a'), /looks like the ID/],
    [`a/${'b'.repeat(255)}`, /more than 255/],
    ['../a', /registry is "\.\."/],
  ] as const) {
    test(`"${text.slice(0, 30)}" is refused`, () => {
      assert.throws(
        () => parseReference(text),
        (error: DockerToolsError) => {
          assert.equal(error.code, 'DEFINITION_INVALID')
          assert.match(error.message, reason)
          return true
        },
      )
    })
  }
})
