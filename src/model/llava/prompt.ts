/** vicuna_v1, the conversation that LLaVA-1.5 was trained on (haotian-liu/LLaVA, llava/conversation.py). */
export const CHAT_TEMPLATE =
  "A chat between a curious user and an artificial intelligence assistant. " +
  "The assistant gives helpful, detailed, and polite answers to the user's questions. " +
  "{% for message in messages %}{{ message.role | upper }}: " +
  "{% for part in message.content %}{{ image_token + '\\n' if part.type == 'image' else part.text }}{% endfor %}" +
  "{{ '</s>' if message.role == 'assistant' else ' ' }}{% endfor %}ASSISTANT:";
