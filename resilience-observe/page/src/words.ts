// What happened, in words: the server's own, without the policy's name where that stands beside them.
import { KINDS, STATES, type State, isKind } from './model';
import type { Happened } from './wire';

export const shownName = ({ name, key }: Happened): string => (key === null ? name : `${name}[${key}]`);

export const kindWord = (kind: string): string => (isKind(kind) ? KINDS[kind] : kind.replaceAll('_', ' '));

export function said(happened: Happened): string {
    const { text, kind, type, told } = happened;
    const subject = `${kind} \`${shownName(happened)}\`: `;
    const rest = text.startsWith(subject) ? text.slice(subject.length) : text;
    const states = `${String(told.from)} -> ${String(told.to)}`;
    return type === 'transition' && rest.startsWith(states)
        ? `${stateWord(told.from)} → ${stateWord(told.to)}${rest.slice(states.length)}`
        : rest;
}

const stateWord = (state: unknown): string => STATES[state as State] ?? String(state);

/** Of what was done by hand: who has done it, and why. */
export function by({ told }: Happened): { who: string; why: string } | null {
    if (typeof told.by !== 'object' || told.by === null) return null;
    const { by: who = '', why = '' } = told.by as { by?: string; why?: string };
    return who || why ? { who, why } : null;
}
