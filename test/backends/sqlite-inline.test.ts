import { backendContract } from '../contracts/backend.contract.ts';
import { sqliteSetup } from './support/places.ts';

backendContract('sqlite, inline', { durable: true }, () =>
  sqliteSetup({ durability: 'commit', inline: true }),
);
