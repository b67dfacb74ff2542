import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { homeDirectory } from '#util'

test('a home is an absolute path, and else that of the process, or what the system says', () => {
  assert.equal(homeDirectory({ HOME: '/home/a' }), '/home/a')
  const own = process.env['HOME']
  try {
    for (const home of [undefined, '', 'rel', './rel']) {
      process.env['HOME'] = '/of/the/process'
      assert.equal(homeDirectory({ HOME: home }), '/of/the/process')
      process.env['HOME'] = home ?? ''
      assert.equal(homeDirectory({ HOME: home }), userInfo().homedir)
    }
  } finally {
    if (own === undefined) delete process.env['HOME']
    else process.env['HOME'] = own
  }
})
