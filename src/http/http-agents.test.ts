import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makeTempDir } from '#util'
import { readUrl } from './read-url.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

describe('httpAgents()', () => {
  test(
    'SSL_CERT_FILE names the certificates to trust; nothing leads from https to http',
    { skip: !hasOpenssl && 'openssl not there' },
    async () => {
      await using dir = await makeTempDir('tls-')
      const [keyFile, certificateFile] = [join(dir.path, 'key.pem'), join(dir.path, 'cert.pem')]
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
      const files = ['-keyout', keyFile, '-out', certificateFile]
      const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files])
      assert.equal(made.status, 0, String(made.stderr))
      const server = createServer(
        { key: readFileSync(keyFile), cert: readFileSync(certificateFile) },
        (request, response) => {
          if (request.url === '/down') response.writeHead(302, { location: 'http://127.0.0.1:1/' })
          response.end('secret')
        },
      )
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve())
      })
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
      try {
        const trusting = await readUrl(url, { maxBytes: 100, env: { SSL_CERT_FILE: certificateFile } })
        assert.equal(Buffer.from(trusting ?? []).toString(), 'secret')
        await assert.rejects(readUrl(`${url}down`, { maxBytes: 100, env: { SSL_CERT_FILE: certificateFile } }), {
          code: 'TRANSFER_FAILED',
          message: `Cannot fetch "${url}down": the server redirects to "http://127.0.0.1:1", which is not encrypted`,
        })
        await assert.rejects(readUrl(url, { maxBytes: 100, env: {} }), {
          code: 'TRANSFER_FAILED',
          message: /self-signed/,
        })
      } finally {
        server.closeAllConnections()
        server.close()
      }
    },
  )

  test('a file of certificates that is not there is an error that names the variable', async () => {
    await assert.rejects(readUrl('https://127.0.0.1:1/', { maxBytes: 1, env: { SSL_CERT_FILE: '/nowhere.pem' } }), {
      code: 'FILE_UNREADABLE',
      message: 'Cannot read certificates "/nowhere.pem", named by SSL_CERT_FILE',
    })
  })
})
