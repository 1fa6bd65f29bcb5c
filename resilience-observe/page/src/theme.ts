// Light or dark: as the system says, unless somebody has said otherwise here.
import { computed, effect, signal } from '@preact/signals';

const system = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(system.matches);
system.addEventListener('change', ({ matches }) => (systemIsDark.value = matches));

const KEY = 'resilience-theme';
const chosen = signal<string | null>(null);
try {
    chosen.value = localStorage.getItem(KEY);
} catch {
    // Where nothing may be kept, nothing is.
}

export const theme = computed(() => (chosen.value === 'dark' || (chosen.value !== 'light' && systemIsDark.value) ? 'dark' : 'light'));
effect(() => {
    document.documentElement.dataset.theme = theme.value;
});

export function switchTheme(): void {
    chosen.value = theme.value === 'dark' ? 'light' : 'dark';
    try {
        localStorage.setItem(KEY, chosen.value);
    } catch {
        // It holds until the page is left.
    }
}
