import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nixShellEnvironment } from './nix-shell-environment.ts'

function environment(variables: Readonly<Record<string, string>>, passed: Readonly<Record<string, string>> = {}) {
  return nixShellEnvironment({
    variables: new Map(Object.entries(variables)),
    passedFiles: new Map(Object.entries(passed)),
    staticPath: '/shell:/build/bin',
    homeDirectory: '/home/me',
    storeDir: '/nix/store',
    certificates: '/ca',
  })
}

const BASE = [
  'HOME=/home/me',
  'NIX_BUILD_CORES=1',
  'NIX_BUILD_TOP=/build',
  'NIX_SSL_CERT_FILE=/ca',
  'NIX_STORE=/nix/store',
  'PATH=/shell:/build/bin',
  'PWD=/build',
  'SSL_CERT_FILE=/ca',
  'TEMP=/build',
  'TEMPDIR=/build',
  'TERM=xterm-256color',
  'TMP=/build',
  'TMPDIR=/build',
]

test('a derivation without variables has the environment of every builder', () => {
  assert.deepEqual(environment({}), BASE)
})

test('variables of the derivation count before the defaults, but not before the places to build in', () => {
  const found = environment({ HOME: '/its', SSL_CERT_FILE: '/its', TMPDIR: '/its', TERM: 'its', PWD: '/its' })
  assert.deepEqual(
    found,
    BASE.map((line) => line.replace(/^(HOME|SSL_CERT_FILE)=.*/, '$1=/its')),
  )
})

test('a variable that is passed in a file is named after it', () => {
  const found = environment({ passAsFile: 'a b', a: 'long', b: 'longer', c: 'short' }, { a: '/file-a', b: '/file-b' })
  assert.deepEqual(
    found.filter((line) => !BASE.includes(line)),
    ['aPath=/file-a', 'bPath=/file-b', 'c=short', 'passAsFile=a b'],
  )
})

test('the order is that of names, by bytes, not that of lines', () => {
  const found = environment({ 'A-B': '1', A: '2', '\u{1F600}': '3', '\uFF5E': '4', __proto__x: '5' })
  assert.deepEqual(
    found.filter((line) => !BASE.includes(line)),
    ['A=2', 'A-B=1', '__proto__x=5', '\uFF5E=4', '\u{1F600}=3'],
  )
})
