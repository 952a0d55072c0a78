import { CHAT_TEMPLATE } from "../llava/prompt.ts";

/**
 * The conversation of the models with a Mistral decoder
 * (https://huggingface.co/docs/transformers/model_doc/llava_next, llava-v1.6-mistral-7b-hf).
 */
const MISTRAL =
  "{% for message in messages %}{{ '' if message.role == 'assistant' else '[INST] ' }}" +
  "{% for part in message.content %}{{ image_token + '\\n' if part.type == 'image' else part.text }}{% endfor %}" +
  "{{ '</s>' if message.role == 'assistant' else ' [/INST]' }}{% endfor %}";

/** What LLaVA-NeXT was trained on depends on its decoder. */
export function templateFor({ text_config: text }: Readonly<Record<string, unknown>>): string {
  return (text as { model_type?: unknown } | undefined)?.model_type === "mistral" ? MISTRAL : CHAT_TEMPLATE;
}
