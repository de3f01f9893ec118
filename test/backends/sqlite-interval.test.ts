import { backendContract } from '../contracts/backend.contract.ts';
import { sqliteSetup } from './support/places.ts';

backendContract('sqlite, interval', { durable: true }, () => sqliteSetup({ durability: 'interval' }));
