/**
 * The entry has what moving from Zeek's `&backend` needs beside `node.attachZeek`: stores of Broker, files of the storage framework, and strings that are bytes.
 *
 * @packageDocumentation
 */
export { readBrokerStore } from '../zeek/broker-store/read.ts';
export { readStorageFile } from '../zeek/storage-file/read.ts';
export { bytesOfText, textOfBytes } from '../schema/index.ts';
