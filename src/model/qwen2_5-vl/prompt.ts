/**
 * The conversation that Qwen2.5-VL was trained on, for messages of text and images
 * (https://huggingface.co/Qwen/Qwen2.5-VL-7B-Instruct, chat_template.json).
 */
export const CHAT_TEMPLATE =
  "{% for message in messages %}" +
  "{% if loop.first and message.role != 'system' %}" +
  "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}" +
  "<|im_start|>{{ message.role }}\n{% for part in message.content %}" +
  "{{ '<|vision_start|>' + image_token + '<|vision_end|>' if part.type == 'image' else part.text }}{% endfor %}" +
  "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
