import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createRawServer, type Server as NetServer } from 'node:net'
import { describe, test } from 'node:test'
import { type DockerToolsError, TransferError } from '#errors'
import type { HttpOptions } from './http-options.ts'
import { openUrl } from './open-url.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** Quick, and without chance. */
const patience = { attempts: 3, stallMs: 2000, firstDelayMs: 1, maxDelayMs: 50, random: () => 0 }
const env = {}

interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly requests: IncomingMessage[]
}

async function serve(handler: Handler): Promise<TestServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    handler(request, response, requests.length)
  })
  return { ...(await listening(server)), requests }
}

async function listening(server: Server | NetServer): Promise<AsyncDisposable & { url: string }> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

async function read(url: string, options: HttpOptions = {}): Promise<Buffer> {
  await using response = await openUrl(url, { patience, env, ...options })
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function failsWith(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.equal((error as DockerToolsError).code, code, String(error))
    assert.match((error as Error).message, message)
    return true
  }
}

describe('openUrl()', () => {
  test('gives status, headers and body, and asks for the bytes as they are stored', async () => {
    await using server = await serve((_, response) => response.setHeader('X-Thing', 'a').end('hello'))
    await using response = await openUrl(`${server.url}/file`, { env, headers: { 'X-Mine': '1' } })
    assert.equal(response.status, 200)
    assert.equal(response.headers['x-thing'], 'a')
    assert.equal(response.url, `${server.url}/file`)
    assert.equal(Buffer.concat(await Array.fromAsync(response.body)).toString(), 'hello')
    assert.equal(server.requests[0]?.headers['accept-encoding'], 'identity')
    assert.equal(server.requests[0]?.headers['x-mine'], '1')
  })

  test('HEAD has headers and an empty body', async () => {
    await using server = await serve((_, response) => response.setHeader('content-length', 1234).end())
    await using response = await openUrl(server.url, { env, method: 'HEAD', maxBytes: 10 })
    assert.equal(response.headers['content-length'], '1234')
    assert.deepEqual(await Array.fromAsync(response.body), [])
    assert.equal(server.requests[0]?.method, 'HEAD')
  })

  test('a status that is no success is an error with the status and without the query', async () => {
    await using server = await serve((_, response) => response.writeHead(404).end('no'))
    const error: unknown = await read(`${server.url}/x?token=secret`.replace('//', '//user:pass@')).catch(
      (e: unknown) => e,
    )
    assert.ok(error instanceof TransferError)
    assert.equal(error.status, 404)
    assert.equal(error.url, `${server.url}/x`)
    assert.equal(error.message, `Cannot fetch "${server.url}/x": the server answered 404 Not Found`)
    assert.equal(server.requests.length, 1)
  })

  test('user and password in the URL are sent as basic authorization', async () => {
    await using server = await serve((_, response) => response.end())
    await read(server.url.replace('//', '//us%20er:p%40ss@'))
    assert.equal(server.requests[0]?.headers.authorization, `Basic ${Buffer.from('us er:p@ss').toString('base64')}`)
  })

  test('an allowed status is an answer, and is not retried', async () => {
    await using server = await serve((_, response) => response.writeHead(503).end('later'))
    await using response = await openUrl(server.url, { env, patience, allowStatus: [503] })
    assert.equal(response.status, 503)
    assert.equal(server.requests.length, 1)
  })

  for (const status of [408, 429, 500, 502, 503, 504]) {
    test(`${status} is tried again`, async () => {
      await using server = await serve((_, response, count) => response.writeHead(count < 3 ? status : 200).end('ok'))
      assert.equal((await read(server.url)).toString(), 'ok')
      assert.equal(server.requests.length, 3)
    })
  }

  test('gives up after the tries it has', async () => {
    await using server = await serve((_, response) => response.writeHead(500).end())
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /answered 500/))
    assert.equal(server.requests.length, 3)
  })

  test('501 is not tried again', async () => {
    await using server = await serve((_, response) => response.writeHead(501).end())
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /answered 501/))
    assert.equal(server.requests.length, 1)
  })

  test('a server that asks for more time than we have is not tried again', async () => {
    await using server = await serve((_, response) => response.writeHead(429, { 'retry-after': '3600' }).end())
    const error = await read(server.url).catch((e: unknown) => e as TransferError)
    assert.ok(error instanceof TransferError)
    assert.match(error.hint ?? '', /3600 seconds/)
    assert.equal(server.requests.length, 1)
  })

  test('Retry-After: 0 is tried again', async () => {
    await using server = await serve((_, response, count) =>
      response.writeHead(count === 1 ? 429 : 200, { 'retry-after': '0' }).end('ok'),
    )
    assert.equal((await read(server.url)).toString(), 'ok')
  })

  test('a connection that is reset before the answer is tried again', async () => {
    await using server = await serve((request, response, count) => {
      if (count < 3) request.socket.destroy()
      else response.end('ok')
    })
    assert.equal((await read(server.url)).toString(), 'ok')
  })

  test('a refused connection is an error that names the host', async () => {
    const server = await serve(() => {})
    await server[Symbol.asyncDispose]()
    await assert.rejects(
      read(server.url),
      failsWith('TRANSFER_FAILED', /^Cannot fetch "http:\/\/127.0.0.1:\d+\/": .*ECONNREFUSED/),
    )
  })

  test('a silent server is given up', async () => {
    await using server = await serve(() => {})
    await assert.rejects(
      read(server.url, { patience: { ...patience, stallMs: 20 } }),
      failsWith('TRANSFER_FAILED', /no answer for 20 ms/),
    )
    assert.equal(server.requests.length, 3)
  })

  test('what is no HTTP URL is refused', async () => {
    for (const url of ['ftp://example.org/', 'file:///etc/passwd', 'nonsense', '']) {
      await assert.rejects(read(url), failsWith('USAGE', /^Cannot fetch /))
    }
  })

  test('an answer with headers without end is refused', async () => {
    await using server = await serve((_, response) => response.setHeader('x-long', 'a'.repeat(100_000)).end())
    await assert.rejects(read(server.url), failsWith('LIMIT_EXCEEDED', /headers/))
  })

  test('an encoded body is refused: it was not asked for', async () => {
    await using server = await serve((_, response) => response.setHeader('content-encoding', 'gzip').end('x'))
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /encoded the body as "gzip"/))
  })
})

describe('openUrl() redirects', () => {
  test('follows relative and absolute ones and tells where it ended', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: 'b?x=1' }).end('moved')
      else if (request.url === '/b?x=1') response.writeHead(307, { location: `${server.url}/c` }).end()
      else response.end('there')
    })
    await using response = await openUrl(`${server.url}/a`, { env, headers: { Authorization: 'Bearer s' } })
    assert.equal(response.url, `${server.url}/c`)
    assert.equal(Buffer.concat(await Array.fromAsync(response.body)).toString(), 'there')
    assert.deepEqual(
      server.requests.map((request) => request.headers.authorization),
      ['Bearer s', 'Bearer s', 'Bearer s'],
    )
  })

  test('another port is another origin: secrets stay behind, also on the way back', async () => {
    await using home = await serve((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: `${away.url}/x` }).end()
      else response.end('home again')
    })
    await using away = await serve((_, response) => response.writeHead(302, { location: `${home.url}/end` }).end())
    const headers = { AUTHORIZATION: 'Bearer s', Cookie: 'c', 'X-Token': 't', Accept: 'text/plain' }
    assert.equal((await read(`${home.url}/start`, { headers })).toString(), 'home again')
    assert.equal(home.requests[0]?.headers.authorization, 'Bearer s')
    for (const request of [away.requests[0], home.requests[1]]) {
      assert.equal(request?.headers.authorization, undefined)
      assert.equal(request?.headers.cookie, undefined)
      assert.equal(request?.headers['x-token'], undefined)
      assert.equal(request?.headers.accept, 'text/plain')
    }
  })

  test('user and password of the first URL do not go to another origin', async () => {
    await using away = await serve((_, response) => response.end())
    await using home = await serve((_, response) => response.writeHead(302, { location: away.url }).end())
    await read(home.url.replace('//', '//user:secret@'))
    assert.equal(away.requests[0]?.headers.authorization, undefined)
  })

  test('a loop ends', async () => {
    await using server = await serve((_, response) => response.writeHead(302, { location: '/' }).end())
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /redirects more than 10 times/))
    assert.equal(server.requests.length, 11)
  })

  test('other schemes are refused', async () => {
    for (const location of ['file:///etc/passwd', 'ftp://example.org/', 'http://', 'data:,x']) {
      await using server = await serve((_, response) => response.writeHead(302, { location }).end())
      await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /no HTTP URL/))
    }
  })
})

async function answerWith(text: string): Promise<AsyncDisposable & { url: string }> {
  return await listening(
    createRawServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(text))
    }),
  )
}

describe('openUrl() and raw servers', () => {
  test('HTTP/1.0 without a length ends where the connection does', async () => {
    await using server = await answerWith('HTTP/1.0 200 OK\r\n\r\nold')
    assert.equal((await read(server.url)).toString(), 'old')
  })

  test('something that is no HTTP is an error', async () => {
    await using server = await answerWith('220 ftp.example.org ready\r\n')
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /^Cannot fetch /))
  })

  test('a length that is no number is an error', async () => {
    await using server = await answerWith('HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello')
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /^Cannot fetch /))
  })
})

describe('openUrl() and proxies', () => {
  test('HTTP_PROXY is asked, unless NO_PROXY names the host', async () => {
    await using proxy = await serve((_, response) => response.end('by proxy'))
    const url = 'http://registry.invalid/v2/'
    for (const name of [proxy.url, proxy.url.replace('http://', '')]) {
      assert.equal((await read(url, { env: { HTTP_PROXY: name } })).toString(), 'by proxy')
    }
    assert.deepEqual([...new Set(proxy.requests.map((request) => request.url))], [url])
    const before = proxy.requests.length
    const environment = { HTTP_PROXY: proxy.url, NO_PROXY: 'example.org,.invalid' }
    await assert.rejects(
      read(url, { env: environment, patience: { ...patience, attempts: 1 } }),
      failsWith('TRANSFER_FAILED', /./),
    )
    assert.equal(proxy.requests.length, before)
  })

  test('what is said to this machine is said to no proxy', async () => {
    await using target = await serve((_, response) => response.end('direct'))
    await using proxy = await serve((_, response) => response.end('by proxy'))
    for (const host of ['127.0.0.1', 'localhost']) {
      const environment = { HTTP_PROXY: proxy.url, https_proxy: proxy.url }
      assert.equal((await read(target.url.replace('127.0.0.1', host), { env: environment })).toString(), 'direct')
    }
    assert.equal(proxy.requests.length, 0)
  })

  test('a proxy that cannot be used is told, without its password', async () => {
    for (const proxy of ['http://me:pa55@[', 'socks5://me:pa55@host:1', 'http://']) {
      await assert.rejects(read('https://registry.invalid/', { env: { https_proxy: proxy } }), (error: Error) => {
        assert.match(error.message, /the proxy that HTTPS_PROXY names: it should be an http or https URL/)
        for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
          assert.doesNotMatch(`${cause.message} ${cause.stack}`, /pa55/)
        }
        return true
      })
    }
  })

  test('a proxy that refuses is told without its password', async () => {
    const server = createServer()
    const asked: (string | undefined)[] = []
    server.on('connect', (request, socket) => {
      asked.push(request.headers['proxy-authorization'])
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    })
    await using proxy = await listening(server)
    const environment = { HTTPS_PROXY: proxy.url.replace('http://', 'http://me:pa55@') }
    await assert.rejects(
      read('https://registry.invalid/', { env: environment, patience: { ...patience, attempts: 1 } }),
      (error: Error) => {
        assert.match(error.message, /407/)
        const secrets = /pa55|bWU6cGE1NQ/
        for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
          assert.doesNotMatch(`${cause.message} ${cause.stack} ${JSON.stringify(cause)}`, secrets)
        }
        return true
      },
    )
    assert.deepEqual(asked, [`Basic ${Buffer.from('me:pa55').toString('base64')}`])
  })

  test('HTTPS_PROXY gets a CONNECT', async () => {
    const server = createServer()
    const asked: (string | undefined)[] = []
    server.on('connect', (request, socket) => {
      asked.push(request.url)
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    })
    await using proxy = await listening(server)
    await assert.rejects(
      read('https://registry.invalid/v2/', { env: { HTTPS_PROXY: proxy.url }, patience: { ...patience, attempts: 1 } }),
      failsWith('TRANSFER_FAILED', /^Cannot fetch "https:\/\/registry.invalid\/v2\/"/),
    )
    assert.deepEqual(asked, ['registry.invalid:443'])
  })
})
