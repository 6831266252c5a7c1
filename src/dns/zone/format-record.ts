import { formatIp } from '#base';
import { typeName } from '../wire/constants.js';
import { formatName } from '../wire/name.js';
import type { RecordData, ResourceRecord } from '../wire/record.js';

/** A record as zone files write it: for people. */
export function formatRecord({ name, ttl, data }: ResourceRecord): string {
  const type = data.type === 'RAW' ? typeName(data.code) : data.type;
  return `${formatName(name)} ${ttl} IN ${type} ${formatData(data)}`;
}

function formatData(data: RecordData): string {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return formatIp(data.type === 'A' ? 4 : 6, BigInt(`0x${data.address.toString('hex')}`));
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return formatName(data.target);
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${formatName(data.target)}`;
    case 'MX':
      return `${data.preference} ${formatName(data.target)}`;
    case 'TXT':
      return data.strings.map((s) => JSON.stringify(s)).join(' ');
    case 'HINFO':
      return `${JSON.stringify(data.cpu)} ${JSON.stringify(data.os)}`;
    case 'SOA':
      return `${formatName(data.mname)} ${formatName(data.rname)} ${data.serial} ${data.refresh} ${data.retry} ${data.expire} ${data.minimum}`;
    case 'RAW':
      return `\\# ${data.bytes.length} ${data.bytes.toString('hex')}`;
  }
}
