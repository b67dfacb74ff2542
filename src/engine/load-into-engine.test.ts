import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { findEngine, type FoundEngine } from './find-engine.ts'
import { type LoadedImages, loadIntoEngine } from './load-into-engine.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** An engine of ours on a socket: says that it is there, and does with a load what the test wants. */
async function fakeEngine(onLoad: Handler) {
  const folder = await makeTempDir('engine-')
  const socketPath = join(folder.path, 's')
  const server = createServer((request, response) => {
    if (request.url === '/_ping') response.end('OK')
    else onLoad(request, response)
  })
  await new Promise<void>((resolve) => {
    server.listen(socketPath, () => resolve())
  })
  const env = { DOCKER_HOST: `unix://${socketPath}` }
  return {
    env,
    load: async (archive: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<LoadedImages> =>
      loadIntoEngine(archive, await findEngine(undefined, env), env, signal),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
      await folder[Symbol.asyncDispose]()
    },
  }
}

function failsWith(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.equal((error as DockerToolsError).code, code, String(error))
    assert.match((error as Error).message, message)
    return true
  }
}

async function* chunks(count: number, bytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(bytes)
  for (let index = 0; index < count; index++) yield await Promise.resolve(chunk.fill(index))
}

/** Reads all of a load, and answers with `text`. */
const answering =
  (status: number, text: string): Handler =>
  (request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(text))
  }

describe('loadIntoEngine()', () => {
  test('sends the archive whole and gives the names of the answer, whoever words it', async () => {
    const answers: readonly (readonly [answer: string, images: readonly string[]])[] = [
      ['{"stream":"Loaded image: a:1\\n"}\r\n{"stream":"Loaded image: b:2\\n"}\r\n', ['a:1', 'b:2']],
      ['{"status":"Loading layer","progressDetail":{}}\n{"stream":"Loaded image ID: sha256:00"}', ['sha256:00']],
      ['{"stream":"Loaded image: localhost/a:1,localhost/b:2"}\n', ['localhost/a:1', 'localhost/b:2']],
      ['{"stream":"Loaded image(s): localhost/a:1"}\n', ['localhost/a:1']],
    ]
    for (const [answer, images] of answers) {
      const received: Buffer[] = []
      await using engine = await fakeEngine((request, response) => {
        assert.equal(`${request.method} ${request.url}`, 'POST /images/load?quiet=1')
        request.on('data', (chunk: Buffer) => received.push(chunk)).on('end', () => response.end(answer))
      })
      assert.deepEqual(await engine.load(chunks(5)), { engine: 'docker', images })
      const expected = Buffer.concat([0, 1, 2, 3, 4].map((value) => Buffer.alloc(64 * 1024, value)))
      assert.ok(Buffer.concat(received).equals(expected))
    }
  })

  test('an error after the headers is an error, also behind a name', async () => {
    const text = '{"stream":"Loaded image: a:1"}\n{"errorDetail":{"message":"no space left"},"error":"no space left"}\n'
    await using engine = await fakeEngine(answering(200, text))
    await assert.rejects(
      engine.load(chunks(1)),
      failsWith('ENGINE_FAILED', /docker at unix:\S+ refused it: no space left$/),
    )
  })

  test('an answer that is none is an error', async () => {
    const cases: readonly (readonly [status: number, text: string, message: RegExp])[] = [
      [200, '', /did not say that an image was loaded/],
      [200, '{"stream":"something else"}', /did not say that an image was loaded/],
      [200, '<html>', /it answered "<html>", it should answer in JSON/],
      [500, '{"message":"broken"}', /refused it: broken$/],
      [404, 'page not found', /it answered 404: page not found/],
      [200, `"${'x'.repeat(5 * 1024 * 1024)}"`, /more than 4194304 bytes/],
    ]
    for (const [status, text, message] of cases) {
      await using engine = await fakeEngine(answering(status, text))
      const code = text.length > 1e6 ? 'LIMIT_EXCEEDED' : 'ENGINE_FAILED'
      await assert.rejects(engine.load(chunks(1)), failsWith(code, message))
    }
  })

  test('an answer before the end of the archive stops the archive', async () => {
    let read = 0
    let isClosed = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          read++
          yield await Promise.resolve(new Uint8Array(64 * 1024))
        }
      } finally {
        isClosed = true
      }
    }
    await using engine = await fakeEngine((request, response) => {
      request.once('data', () => response.end('{"error":"not this one"}'))
    })
    await assert.rejects(engine.load(endless()), failsWith('ENGINE_FAILED', /not this one/))
    assert.ok(isClosed)
    assert.ok(read > 0)
  })

  test('an engine that goes away is told', async () => {
    await using early = await fakeEngine((request) => {
      request.once('data', () => request.socket.destroy())
    })
    await assert.rejects(early.load(chunks(1000)), failsWith('ENGINE_FAILED', /connection to docker at unix:\S+ broke/))
    await using late = await fakeEngine((request, response) => {
      request.resume().on('end', () => {
        response.write('{"stream"')
        setTimeout(() => request.socket.destroy(), 20)
      })
    })
    await assert.rejects(late.load(chunks(1)), failsWith('ENGINE_FAILED', /broke/))
  })

  test('an archive that fails reaches the engine as a broken stream, and the failure comes out', async () => {
    const seen = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<boolean>()
    await using engine = await fakeEngine((request) => {
      request.on('error', () => undefined)
      request.once('data', () => seen.resolve())
      request.on('close', () => aborted.resolve(!request.complete))
    })
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* chunks(2)
      await seen.promise
      throw new Error('the recipe failed')
    }
    await assert.rejects(engine.load(failing()), /the recipe failed/)
    assert.equal(await aborted.promise, true)
  })

  test('an engine that takes its time holds the archive back', async () => {
    let read = 0
    let go = (): void => undefined
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks(400)) {
        read++
        yield chunk
      }
    }
    await using engine = await fakeEngine((request, response) => {
      go = () => void request.resume().on('end', () => response.end('{"stream":"Loaded image: a:1"}'))
    })
    const loaded = engine.load(counted())
    // As long as nobody reads, what was sent stands in the buffers of the socket: a few MiB at most.
    for (let [last, now] = [-1, 0]; now === 0 || last !== now; [last, now] = [now, read]) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.ok(read < 200, `${read} of 400 chunks were read`)
    go()
    assert.deepEqual((await loaded).images, ['a:1'])
    assert.equal(read, 400)
  })

  test('a signal stops sending and waiting', async () => {
    await using engine = await fakeEngine((request) => void request.resume())
    await assert.rejects(engine.load(chunks(3), AbortSignal.timeout(30)), failsWith('INTERRUPTED', /stopped/))
    await assert.rejects(engine.load(chunks(3), AbortSignal.abort()), failsWith('INTERRUPTED', /stopped/))
  })
})

describe('findEngine()', () => {
  const nobody = { HOME: '/nonexistent', XDG_RUNTIME_DIR: '/nonexistent/run' }
  const missing = async (wanted: 'docker' | 'podman' | undefined, env: object): Promise<DockerToolsError> => {
    const found = await findEngine(wanted, { ...nobody, ...env }).catch((error: unknown) => error as DockerToolsError)
    assert.ok(found instanceof Error, JSON.stringify(found satisfies FoundEngine | Error))
    return found
  }

  test('takes an engine that the environment names, and no other', async () => {
    await using engine = await fakeEngine(() => undefined)
    assert.equal((await findEngine(undefined, { CONTAINER_HOST: 'unix:///x', ...engine.env })).name, 'docker')
    const { message, hint, code } = await missing(undefined, { DOCKER_HOST: 'unix:///nonexistent/s' })
    assert.equal(code, 'ENGINE_UNAVAILABLE')
    assert.equal(
      message,
      'Cannot find a container engine: none answers at "unix:///nonexistent/s" (there is no such socket)',
    )
    assert.match(hint ?? '', /^Start Docker .*podman system service.*DOCKER_HOST.*--engine containerd$/)
    const podman = await missing('podman', { CONTAINER_HOST: 'tcp://127.0.0.1:1' })
    assert.match(podman.message, /^Cannot find podman: none answers at "tcp:\/\/127.0.0.1:1" \(nobody listens there\)$/)
    assert.match(podman.hint ?? '', /^Start podman .*CONTAINER_HOST$/)
  })

  test('says what an address should be', async () => {
    for (const address of [
      'ssh://me:secret@host',
      'npipe:////./pipe/docker_engine',
      'unix://relative',
      'host:2375',
      'tcp://',
    ]) {
      const { code, message } = await missing('docker', { DOCKER_HOST: address })
      assert.equal(code, 'ENGINE_UNAVAILABLE')
      assert.match(message, /DOCKER_HOST is ".*", it should be unix:\/\/\/PATH or tcp:\/\/HOST:PORT$/)
      assert.ok(!message.includes('secret'))
    }
  })

  test('waits for nobody when it is told to stop', async () => {
    const env = { DOCKER_HOST: 'unix:///nonexistent/s' }
    await assert.rejects(findEngine('docker', env, AbortSignal.abort()), failsWith('INTERRUPTED', /stopped/))
  })
})
