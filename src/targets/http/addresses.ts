import { BlockList, isIP } from 'node:net';

/** Of IPv4, as the IANA registry of special addresses has them: private, loopback, link-local with metadata services, multicast, and so on. */
const special: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // The metadata service of a large cloud, which is none of the link-local ones.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/** Of IPv6 nothing is public but these; the second and the third hold IPv4 addresses in their last 32 bits. */
const mapped = '::ffff:';
const translated = '64:ff9b::';
const publicNetworks = new BlockList();
publicNetworks.addSubnet('2000::', 3, 'ipv6');
publicNetworks.addSubnet(`${mapped}0.0.0.0`, 96, 'ipv6');
publicNetworks.addSubnet(`${translated}0.0.0.0`, 96, 'ipv6');

const privateNetworks = new BlockList();
for (const [network, bits] of special) {
  privateNetworks.addSubnet(network, bits, 'ipv4');
  for (const prefix of [mapped, translated]) privateNetworks.addSubnet(`${prefix}${network}`, 96 + bits, 'ipv6');
}
// Teredo and the like; examples; 6to4, which leads to any IPv4 address; examples again.
privateNetworks.addSubnet('2001::', 23, 'ipv6');
privateNetworks.addSubnet('2001:db8::', 32, 'ipv6');
privateNetworks.addSubnet('2002::', 16, 'ipv6');
privateNetworks.addSubnet('3fff::', 20, 'ipv6');

/** Whether anybody on the internet may have this address. What is no address has none. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !privateNetworks.check(address, 'ipv4');
    case 6:
      return !address.includes('%') && publicNetworks.check(address, 'ipv6') && !privateNetworks.check(address, 'ipv6');
    default:
      return false;
  }
}

/** The address that a URL names in place of a host. `hostname`: as a parsed URL has it, where decimal and octal spellings are gone. */
export function literalAddress(hostname: string): string | undefined {
  const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(address) === 0 ? undefined : address;
}

/** The host may be asked for, and the address that it has may not. */
export class PrivateAddress extends Error {
  constructor(hostname: string) {
    super(`${hostname} has an address that is not public`);
    this.name = 'PrivateAddress';
  }
}
