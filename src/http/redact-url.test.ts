import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactUrl } from './redact-url.ts'

test('redactUrl() leaves out user, password, query and fragment', () => {
  assert.equal(redactUrl('https://user:pass@example.org:8443/a/b?token=x#y'), 'https://example.org:8443/a/b')
  assert.equal(redactUrl(new URL('http://[::1]/')), 'http://[::1]/')
})

test('redactUrl() does not repeat what is no URL: it may be a secret too', () => {
  assert.equal(redactUrl('s3cret'), '(not a URL)')
})
