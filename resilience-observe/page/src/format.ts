// How numbers, times and shares are written.

const THIN = '\u2009';

export function rate(perSecond: number): string {
    if (perSecond >= 99.95) return Math.round(perSecond).toLocaleString('en').replaceAll(',', THIN);
    return perSecond.toFixed(1);
}

export const count = (number: number): string => number.toLocaleString('en').replaceAll(',', THIN);

export const percent = (share: number): string => {
    const hundredths = share * 100;
    return `${hundredths > 0 && hundredths < 9.95 ? hundredths.toFixed(1) : Math.round(hundredths)}${THIN}%`;
};

/** A length of time in the two units that matter. */
export function span(seconds: number): string {
    if (!Number.isFinite(seconds)) return '–';
    if (seconds < 0.9995) {
        const milliseconds = seconds * 1000;
        return `${milliseconds > 0 && milliseconds < 9.95 ? milliseconds.toFixed(1) : Math.round(milliseconds)}${THIN}ms`;
    }
    if (seconds < 9.95 && seconds % 1 > 0.05) return `${seconds.toFixed(1)}${THIN}s`;
    const whole = Math.round(seconds);
    const [d, h, m, s] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
    if (d > 0) return `${d}d ${h}h`;
    if (h > 0) return `${h}h ${m}m`;
    if (m > 0) return s > 0 ? `${m}m ${s}s` : `${m}m`;
    return `${s}${THIN}s`;
}

/** In whole seconds and up, for what counts up or down. */
export const age = (seconds: number): string => (seconds < 1 ? `0${THIN}s` : span(Math.floor(seconds)));

const two = (number: number): string => String(number).padStart(2, '0');

export function clock(milliseconds: number): string {
    const at = new Date(milliseconds);
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function date(milliseconds: number): string {
    const at = new Date(milliseconds);
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(milliseconds)}`;
}

export const plural = (number: number, one: string, many = `${one}s`): string => `${count(number)} ${number === 1 ? one : many}`;
