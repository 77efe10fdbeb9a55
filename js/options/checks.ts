// What an option must be, and how its value is read.

import { optionError } from '../errors.js';

/** An array of one or many. */
export function list<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}

export function names(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : value.join(':');
}

export function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? new TextEncoder().encode(value) : value;
}

export function checkBytes(name: string, value: unknown): void {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw optionError(name, 'PEM text or DER bytes (a Uint8Array)', value);
}

export function checkArray(name: string, value: unknown): void {
  if (value !== undefined && !Array.isArray(value)) throw optionError(name, 'an array', value);
}

export function checkBoolean(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw optionError(name, 'true or false', value);
}

export function checkNumber(name: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'number' || !(value >= 0) || value > 0xffffffff)) throw optionError(name, 'a number', value);
}

/**
 * For options outside {@link ConfigOptions}: `undefined`, or what `test` accepts.
 *
 * @internal
 */
export function checkOption<T>(name: string, value: T | undefined, expected: string, test: (value: T) => boolean): void {
  if (value !== undefined && !test(value)) throw optionError(name, expected, value);
}

export function checkWhole(name: string, value: unknown, least: number, most: number): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) throw optionError(name, `a whole number from ${least} to ${most}`, value);
}
