// What happened, the newest first.
import { clock, date } from './format';
import { isKind } from './model';
import { link } from './route';
import { now } from './store';
import type { Happened } from './wire';
import { kindWord, said, shownName } from './words';

const AT_MOST = 100;

export function Events({ events, none, withNames = false }: { events: Happened[]; none: string; withNames?: boolean }) {
    if (events.length === 0) return <p class="none">{none}</p>;
    const shown = events.slice(-AT_MOST).reverse();
    const isToday = (at: number) => new Date(at).toDateString() === new Date(now.value).toDateString();
    return (
        <ol class="events" reversed>
            {shown.map((one) => {
                const { id, at, kind, name, type, told } = one;
                return (
                    <li key={id ?? `${at} ${type} ${name}`} class={`event ${type} ${type === 'transition' ? `to-${String(told.to)}` : ''}`}>
                        <time dateTime={new Date(at).toISOString()} title={date(at)}>{isToday(at) ? clock(at) : date(at)}</time>
                        {withNames && (
                            <span class="subject">
                                {isKind(kind)
                                    ? <a href={link({ open: { kind, name }, at })} title={kindWord(kind)}>{shownName(one)}</a>
                                    : shownName(one)}
                            </span>
                        )}
                        <span class="said">{said(one)}</span>
                    </li>
                );
            })}
            {events.length > AT_MOST && <li class="none">{events.length - AT_MOST} earlier ones are not shown</li>}
        </ol>
    );
}
