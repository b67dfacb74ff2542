import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { homeDirectory } from '#util'

test('a home is an absolute path, and else what the system says', () => {
  assert.equal(homeDirectory({ HOME: '/home/a' }), '/home/a')
  for (const home of [undefined, '', 'rel', './rel']) assert.equal(homeDirectory({ HOME: home }), userInfo().homedir)
})
