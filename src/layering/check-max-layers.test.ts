import assert from 'node:assert/strict'
import { test } from 'node:test'

import { checkMaxLayers, usedLayersMessage } from './index.ts'

test('checkMaxLayers() leaves what the base image and the customisation layer do not take', () => {
  assert.equal(checkMaxLayers(100, 0), 99)
  assert.equal(checkMaxLayers(2, 0), 1)
  assert.equal(checkMaxLayers(4, 2), 1)
  assert.equal(checkMaxLayers(125, 7), 117)
})

test('checkMaxLayers() refuses maxLayers of 1 and less in the words of upstream', () => {
  for (const maxLayers of [1, 0, -5]) {
    assert.throws(() => checkMaxLayers(maxLayers, 0), {
      code: 'LAYER_LIMIT',
      message:
        'the maxLayers argument of dockerTools.buildLayeredImage function must be greather than 1 ' +
        `(current value: ${maxLayers})`,
    })
  }
})

test('checkMaxLayers() refuses a base image that leaves no room in the words of upstream', () => {
  const message =
    "usedLayers 9 layers to store 'fromImage' and 'extraCommands', but only maxLayers=7 were allowed. " +
    'At least 1 layer is required to store contents.'
  assert.equal(usedLayersMessage(9, 7), message)
  assert.throws(() => checkMaxLayers(7, 8), { code: 'LAYER_LIMIT', message })
  assert.throws(() => checkMaxLayers(3, 2), { code: 'LAYER_LIMIT', hint: /at least 4/ })
})

test('checkMaxLayers() refuses what is no whole number', () => {
  for (const maxLayers of [2.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => checkMaxLayers(maxLayers, 0), {
      code: 'DEFINITION_INVALID',
      message: `Cannot use maxLayers: it is "${maxLayers}", it should be a whole number above 1`,
    })
  }
})
