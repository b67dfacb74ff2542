import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { readUrl } from './read-url.ts'

describe('readUrl()', () => {
  const server = createServer((request, response) => {
    const status = Number(/^\/status\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 200)
    response.writeHead(status).end(status === 200 ? 'content' : 'an error page')
  })
  let url = ''
  before(async () => {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve())
    })
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const options = { maxBytes: 100, env: {} }

  test('gives the bytes', async () => {
    assert.equal(Buffer.from((await readUrl(url, options)) ?? []).toString(), 'content')
  })

  for (const status of [403, 404, 410]) {
    test(`${status} is undefined if missing files are allowed, else an error`, async () => {
      assert.equal(await readUrl(`${url}/status/${status}`, { ...options, allowMissing: true }), undefined)
      await assert.rejects(readUrl(`${url}/status/${status}`, options), { code: 'TRANSFER_FAILED', status })
    })
  }

  test('401 is an error in any case', async () => {
    await assert.rejects(readUrl(`${url}/status/401`, { ...options, allowMissing: true }), { status: 401 })
  })

  test('more than maxBytes is an error', async () => {
    assert.equal((await readUrl(url, { ...options, maxBytes: 7 }))?.length, 7)
    await assert.rejects(readUrl(url, { ...options, maxBytes: 6 }), { code: 'LIMIT_EXCEEDED' })
  })
})
