/*
 * Names of fields that transformers or the hub write into the files of a checkpoint and that change nothing here. The
 * schemas take them from here, see `unread`.
 */

/** Of every configuration: where it comes from, how it is trained and stored, and what older versions wrote along. */
export const COMMON = [
  ..."_attn_implementation_autoset _commit_hash _from_model_config _name_or_path architectures auto_map".split(" "),
  ..."dtype torch_dtype transformers_version tokenizer_class model_max_length use_cache use_bfloat16".split(" "),
  ..."attention_dropout initializer_factor initializer_range gradient_checkpointing".split(" "),
  ..."bos_token_id pad_token_id sep_token_id decoder_start_token_id prefix problem_type finetuning_task".split(" "),
  ..."add_cross_attention cross_attention_hidden_size is_decoder is_encoder_decoder tie_encoder_decoder".split(" "),
  ..."id2label label2id chunk_size_feed_forward output_attentions output_hidden_states return_dict".split(" "),
  ..."torchscript tf_legacy_loss task_specific_params nuwa_note".split(" "),
];

/** How transformers decodes; here the options of a command say it. */
export const DECODING = [
  ..."do_sample temperature top_k top_p min_p typical_p epsilon_cutoff eta_cutoff repetition_penalty".split(" "),
  ..."encoder_repetition_penalty length_penalty diversity_penalty no_repeat_ngram_size".split(" "),
  ..."encoder_no_repeat_ngram_size early_stopping num_beams num_beam_groups num_return_sequences".split(" "),
  ..."max_length max_new_tokens min_length min_new_tokens cache_implementation remove_invalid_values".split(" "),
  ..."output_scores return_dict_in_generate".split(" "),
];

/** Of a Llama decoder. It has no sliding window; Mistral has. */
export const LLAMA = [...COMMON, ...DECODING, "pretraining_tp", "rope_interleaved", "sliding_window"];

/** Of a CLIP tower, which is used without the projection into CLIP's common space. */
export const CLIP = [...COMMON, ...DECODING, "projection_dim", "vocab_size", "dropout"];

/** Of a SigLIP tower, which is used without its pooling head. */
export const SIGLIP = [...CLIP, "vision_use_head", "projection_size"];

/** Of a Qwen2 decoder. Which layers have a bias is fixed. */
export const QWEN2 = [...LLAMA, "attention_bias", "mlp_bias"];

/** Of LLaVA in transformers. `image_newline` is used whatever the last one says, as transformers does. */
export const LLAVA = [
  ...COMMON,
  ...DECODING,
  ..."ignore_index image_seq_length vocab_size hidden_size use_image_newline_parameter".split(" "),
];

/** Of original LLaVA: how it was trained. */
export const ORIGINAL = [
  ...LLAMA,
  ..."freeze_mm_mlp_adapter freeze_mm_vision_resampler tune_mm_mlp_adapter tune_mm_vision_resampler".split(" "),
  ..."mm_hidden_size mm_projector_lr mm_resampler_type mm_use_im_patch_token mm_vision_tower".split(" "),
  ..."mm_vision_tower_lr unfreeze_mm_vision_tower use_mm_proj tokenizer_model_max_length".split(" "),
  ..."tokenizer_padding_side image_crop_resolution image_split_resolution image_grid_pinpoints".split(" "),
];

/** Of Qwen2.5-VL: windows of a text model that does not use them, tokens of prompts, and films. */
export const QWEN = [
  ...COMMON,
  ...DECODING,
  ..."model_type max_window_layers sliding_window video_token_id vision_end_token_id vision_start_token_id".split(" "),
  "vision_token_id",
];
export const QWEN_VISION = [...COMMON, ...DECODING, "model_type", "spatial_patch_size", "tokens_per_second"];

/** Of image processors: pictures are RGB here, and one is prepared at a time. */
export const PROCESSOR = [
  ..."_processor_class _valid_processor_keys auto_map data_format default_to_square device".split(" "),
  ..."disable_grouping do_convert_rgb image_seq_length input_data_format processor_class return_tensors".split(" "),
  "pad_size",
];

/** Of processor_config.json beside the image processor: how many placeholders transformers puts into a prompt. */
export const PROCESSOR_AROUND = [
  ..."image_token num_additional_image_tokens patch_size processor_class vision_feature_select_strategy".split(" "),
  ..."video_processor video_token".split(" "),
];
