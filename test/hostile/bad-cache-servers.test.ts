import assert from 'node:assert/strict'
import { createReadStream, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import type { ErrorCode } from '#errors'
import { fixtureNar, fixturePath, writeCache } from '../support/binary-cache.ts'
import { createGzip } from 'node:zlib'
import { type Bench, makeBench } from '../support/run-cli.ts'
import { assertFailed } from './expect-refusal.ts'

const [APP, LIBRARY] = [fixturePath('a', 'app'), fixturePath('b', 'library')]
const [APP_INFO, LIBRARY_INFO] = [APP, LIBRARY].map((path) => `${path.slice(11, 43)}.narinfo`) as [string, string]

const ZIPPED = fixturePath('c', 'zipped')
const [APP_NAR, ZIPPED_NAR] = [APP, ZIPPED].map((path) => `nar/${path.slice(11, 43)}.nar`) as [string, string]

type Answer = (response: ServerResponse) => void

function status(code: number): Answer {
  return (response) => response.writeHead(code).end('<html>no</html>')
}

function text(content: string): Answer {
  return (response) => response.writeHead(200).end(content)
}

/** Goes on for as long as somebody reads. */
const endless: Answer = (response) => {
  const chunk = Buffer.alloc(65_536, 'x: y\n')
  const send = (): void => {
    while (!response.destroyed && response.write(chunk));
  }
  response.writeHead(200).on('drain', send)
  send()
}

/** A little that unpacks to ever more. */
const bomb: Answer = (response) => {
  const gzip = createGzip()
  const zeros = Buffer.alloc(1_000_000)
  Readable.from(
    (function* () {
      for (;;) yield zeros
    })(),
  )
    .pipe(gzip)
    .pipe(response.writeHead(200))
  response.on('close', () => gzip.destroy())
}

const HTML = text('<html>please log in</html>')

/** What the cache answers in the place of a file, and what comes of it. */
const cases: Readonly<Record<string, readonly [file: string, answer: Answer, code: ErrorCode, message: RegExp]>> = {
  'has no nix-cache-info': ['nix-cache-info', status(404), 'STORE_UNAVAILABLE', /nix-cache-info/],
  'answers 500 for nix-cache-info': ['nix-cache-info', status(500), 'TRANSFER_FAILED', /500/],
  'never ends nix-cache-info': ['nix-cache-info', endless, 'LIMIT_EXCEEDED', /nix-cache-info/],
  'has no narinfo of a reference': [LIBRARY_INFO, status(404), 'STORE_PATH_MISSING', /b-library/],
  'answers 500 for a narinfo': [APP_INFO, status(500), 'TRANSFER_FAILED', /500/],
  'has something else for a narinfo': [APP_INFO, HTML, 'FORMAT_INVALID', /narinfo/],
  'never ends a narinfo': [APP_INFO, endless, 'LIMIT_EXCEEDED', /narinfo/],
  'has no NAR': [APP_NAR, status(404), 'STORE_PATH_MISSING', /nar\//],
  'answers 500 for a NAR': [APP_NAR, status(500), 'TRANSFER_FAILED', /500/],
  'has something else for a NAR': [APP_NAR, HTML, 'SIZE_MISMATCH', /should have/],
  'has the NAR of another path': [APP_NAR, text(fixtureNar('other').toString()), 'SIZE_MISMATCH', /should have/],
  'has the narinfo of another path': [
    APP_INFO,
    text(`StorePath: ${LIBRARY}\nURL: x\nCompression: none\nNarHash: sha256:${'0'.repeat(52)}\nNarSize: 1\n`),
    'FORMAT_INVALID',
    /b-library/,
  ],
  'never ends a NAR that is compressed': [ZIPPED_NAR, bomb, 'SIZE_MISMATCH', /more than 120 bytes/],
  'never ends a NAR': [APP_NAR, endless, 'SIZE_MISMATCH', /should have/],
}

describe('store copy from a cache that', { concurrency: 4 }, () => {
  let bench: Bench
  let origin: string
  let close: () => Promise<void>
  before(async () => {
    bench = await makeBench()
    const folder = join(bench.path, 'cache-files')
    writeCache(folder, [
      {
        path: APP,
        tree: {
          folder: [
            ['data', 'x'.repeat(100_000)],
            ['to', LIBRARY],
          ],
        },
        references: [LIBRARY],
      },
      { path: ZIPPED, tree: 'zipped', narinfo: { Compression: 'gzip' } },
      { path: LIBRARY, tree: { folder: [['data', 'y']] } },
    ])
    writeFileSync(join(bench.path, 'small'), 'small')
    const server = createServer((request, response) => {
      const [, name = '', file = ''] = /^\/([^/]*)\/(.*)$/.exec(request.url ?? '') ?? []
      const [, [wanted, answer]] = Object.entries(cases)[Number(name)] as [string, (typeof cases)[string] & object]
      if (file === wanted) return answer(response)
      if (!existsSync(join(folder, file))) return status(404)(response)
      createReadStream(join(folder, file)).pipe(response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    close = async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
  after(async () => {
    await close()
    await bench[Symbol.asyncDispose]()
  })

  for (const [index, [what, [wanted, , code, message]]] of Object.entries(cases).entries()) {
    test(what, async () => {
      const store = `local:${bench.path}/store-${index}`
      const added = await bench.run(['store', 'add', 'small', '--store', store])
      assert.equal(added.status, 0, added.stderr)
      // What others refer to comes before them, and is whole.
      const names = (): string[] =>
        readdirSync(join(bench.path, `store-${index}`, 'nix/store')).filter((name) => !LIBRARY.endsWith(name))
      const present = names()
      const from = ['--from', `${origin}/${index}`, '--to', store, '--no-check-signatures']
      const result = await bench.run(
        ['store', 'copy', wanted === ZIPPED_NAR ? ZIPPED : APP, ...from, '--log-format=json'],
        { env: { NO_PROXY: '*' } },
      )
      assertFailed(result, { code, message })
      assert.deepEqual(names().toSorted(), present.toSorted())
      const verified = await bench.run(['store', 'verify', '--check-contents', '--store', store])
      assert.equal(verified.status, 0, verified.stderr)
      const scratch = join(bench.path, `store-${index}`, 'nix/var/nix/dockertools/scratch')
      assert.deepEqual(readdirSync(scratch), [])
    })
  }
})
