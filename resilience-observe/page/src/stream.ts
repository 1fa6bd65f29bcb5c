// Server-Sent Events, read by hand: an `EventSource` cannot send a token, and does not say when it has gone silent.

export interface Message {
    event: string;
    id: string | null;
    data: string;
}

/** Cuts what arrives into messages. A comment is a message without data. */
export function parser(heard: (message: Message) => void): (text: string) => void {
    let rest = '';
    let message: Message = { event: 'message', id: null, data: '' };
    return (text) => {
        const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop() ?? '';
        for (const line of lines) {
            if (line === '') {
                message.data = message.data.replace(/\n$/, '');
                heard(message);
                message = { event: 'message', id: null, data: '' };
                continue;
            }
            const colon = line.indexOf(':');
            const field = colon < 0 ? line : line.slice(0, colon);
            const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
            if (field === 'data') message.data += `${value}\n`;
            else if (field === 'event') message.event = value;
            else if (field === 'id') message.id = value;
        }
    };
}

/** Reads until the stream ends, fails, or has been silent for too long. */
export async function read(response: Response, silence: number, heard: (message: Message) => void): Promise<void> {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const parse = parser(heard);
    let timer: number | undefined;
    try {
        for (;;) {
            const silent = new Promise<never>((_, reject) => {
                timer = setTimeout(() => reject(new Error('nothing was heard')), silence);
            });
            const { done, value } = await Promise.race([reader.read(), silent]);
            clearTimeout(timer);
            if (done) return;
            parse(value);
        }
    } finally {
        clearTimeout(timer);
        void reader.cancel().catch(() => undefined);
    }
}
