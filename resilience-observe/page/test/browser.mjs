// A real Chromium, and what no page may do in it.
import assert from 'node:assert/strict';
import { accessSync, mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const found = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].filter(Boolean).find((path) => {
    try {
        accessSync(path);
        return true;
    } catch {
        return false;
    }
});
assert.ok(found, 'no Chromium is here; CHROMIUM may say where it is');

const PICTURES = process.env.PICTURES ?? new URL('../pictures', import.meta.url).pathname;

export const launch = () => chromium.launch({ executablePath: found, args: ['--no-sandbox'] });

/** A page at that address that is watched. */
export async function open(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const wrong = [];
    page.on('pageerror', (error) => wrong.push(`error: ${error.stack}`));
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) wrong.push(`console: ${message.text()}`);
    });
    page.on('dialog', (dialog) => {
        wrong.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
    });
    page.on('request', (request) => {
        if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith('data:')) wrong.push(`another host: ${request.url()}`);
    });
    await page.addInitScript(() => {
        addEventListener('securitypolicyviolation', ({ violatedDirective, sourceFile, lineNumber }) => {
            console.error(`policy: ${violatedDirective} by ${sourceFile}:${lineNumber}`);
        });
    });
    await page.goto(url);
    return {
        page,
        /** Nothing is wrong but what was meant to be, such as an answer that refuses. */
        done: async (...meant) => {
            const unmeant = wrong.filter((text) => !meant.some((pattern) => pattern.test(text)));
            await context.close();
            assert.deepEqual(unmeant, []);
        },
    };
}

export async function picture(page, name) {
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: `${PICTURES}/${name}.png` });
}

/** The row of a policy in the table. */
export const row = (page, name, kind = 'circuit_breaker') => page.locator(`tr[data-id="${CSS_escape(`${kind}/${name}`)}"]`);

const CSS_escape = (text) => text.replace(/["\\]/g, '\\$&');
