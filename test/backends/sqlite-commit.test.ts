import { backendContract } from '../contracts/backend.contract.ts';
import { sqliteSetup } from './support/places.ts';

backendContract('sqlite, commit', { durable: true }, () => sqliteSetup({ durability: 'commit' }));
