import { buildImage } from 'dockertools'
import { bash, sed } from './packages/packages.ts'

const lowest = buildImage({
  name: 'layers-order-1',
  tag: 'latest',
  copyToRoot: [bash, sed],
  extraCommands: `
    mkdir -p tmp
    for n in 1 2 3; do echo layer1 > tmp/layer$n; done
  `,
})

const middle = buildImage({
  name: 'layers-order-2',
  tag: 'latest',
  fromImage: lowest,
  extraCommands: `
    mkdir -p tmp
    for n in 2 3; do echo layer2 > tmp/layer$n; done
  `,
})

/**
 * Three images on top of each other, each of which replaces a file of the one below.
 *
 *     npx dockertools stream examples/nixpkgs/layersOrder.ts | docker load
 *     docker run --rm layers-order sed -s p /tmp/layer1 /tmp/layer2 /tmp/layer3
 */
export default buildImage({
  name: 'layers-order',
  tag: 'latest',
  fromImage: middle,
  extraCommands: `
    mkdir -p tmp
    echo layer3 > tmp/layer3
  `,
})
