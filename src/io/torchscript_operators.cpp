#include <sstream>

#include "loopline/io/torchscript_archive.h"

namespace loopline::io {
namespace {

/// Operators that compute with their arguments and touch nothing else: no file, no terminal, no
/// network, no state of the process (but autograd's switch), no memory but that of their tensors.
/// They are what the networks of diffusers, transformers, timm and torchvision consist of, with
/// what belongs beside it. Left out on purpose: from_file, save, _print, prim::Print, manual_seed,
/// set_, set_data, resize_, as_strided, _reshape_alias and _unsafe_* (views that check little),
/// quantized and sparse tensors, custom namespaces, futures and remote calls.
struct Group {
  const char* space;
  const char* names;
};

const Group kGroups[] = {
    // Arithmetic, element by element
    {"aten", R"(
      abs abs_ absolute absolute_ add add_ addcdiv addcdiv_ addcmul addcmul_ ceil ceil_ clamp clamp_
      clamp_max clamp_max_ clamp_min clamp_min_ clip clip_ copysign copysign_ cumprod cumprod_ cumsum
      cumsum_ cummax cummin deg2rad diff div div_ divide divide_ divmod exp exp_ exp2 exp2_ expm1
      expm1_ float_power float_power_ floor floor_ floor_divide floor_divide_ floordiv fmax fmin fmod
      fmod_ frac frac_ frexp heaviside hypot ldexp lerp lerp_ log log_ log10 log10_ log1p log1p_ log2
      log2_ logaddexp logaddexp2 logcumsumexp logit logit_ mathremainder maximum minimum mul mul_
      multiply multiply_ nan_to_num nan_to_num_ neg neg_ negative negative_ positive pow pow_ rad2deg
      radians degrees reciprocal reciprocal_ remainder remainder_ round round_ rsqrt rsqrt_ rsub sgn
      sgn_ sign sign_ signbit sqrt sqrt_ square square_ sub sub_ subtract subtract_ true_divide
      true_divide_ trunc trunc_ fix xlogy xlogy_ __round_to_zero_floordiv gcd lcm factorial)"},
    // Trigonometry and special functions
    {"aten", R"(
      acos acos_ acosh asin asin_ asinh atan atan_ atan2 atan2_ atanh arccos arcsin arctan arctan2
      arctanh cos cos_ cosh cosh_ sin sin_ sinc sinc_ sinh sinh_ tan tan_ tanh tanh_ digamma erf erf_
      erfc erfc_ erfinv erfinv_ i0 igamma igammac lgamma mvlgamma polygamma gamma special_digamma
      special_entr special_erf special_erfc special_erfcx special_erfinv special_exp2 special_expit
      special_expm1 special_gammainc special_gammaincc special_gammaln special_i0 special_i0e
      special_i1 special_i1e special_log1p special_log_ndtr special_log_softmax special_logit
      special_logsumexp special_multigammaln special_ndtr special_ndtri special_polygamma special_psi
      special_round special_sinc special_softmax special_xlog1py special_xlogy special_zeta)"},
    // Complex numbers
    {"aten", R"(
      angle complex conj conj_physical imag polar real resolve_conj resolve_neg view_as_complex
      view_as_real is_complex is_conj is_neg Complex ComplexImplicit)"},
    // Comparison and logic
    {"aten", R"(
      eq eq_ ne ne_ lt lt_ le le_ gt gt_ ge ge_ equal not_equal less less_equal greater greater_equal
      allclose isclose isfinite isinf isnan isneginf isposinf isreal isin logical_and logical_and_
      logical_not logical_not_ logical_or logical_or_ logical_xor logical_xor_ bitwise_and
      bitwise_and_ bitwise_not bitwise_not_ bitwise_or bitwise_or_ bitwise_xor bitwise_xor_
      bitwise_left_shift bitwise_right_shift __and__ __iand__ __or__ __ior__ __xor__ __ixor__
      __lshift__ __rshift__ __not__ __is__ __isnot__ where is_nonzero)"},
    // Reduction, sorting and statistics
    {"aten", R"(
      all any amax amin aminmax argmax argmin argsort bincount bucketize corrcoef count_nonzero cov
      histc kthvalue logsumexp max mean median min mode msort nanmean nanmedian nanquantile nansum
      prod quantile searchsorted sort std std_mean sum sum_to_size topk trace unique_consecutive
      unique_dim _unique2 var var_mean trapezoid cumulative_trapezoid)"},
    // Matrices
    {"aten", R"(
      addbmm addbmm_ addmm addmm_ addmv addmv_ addr addr_ baddbmm baddbmm_ bilinear bmm cdist
      chain_matmul cosine_similarity cross det dist dot einsum ger inner inverse kron linear logdet
      matmul matrix_exp matrix_power mm mv outer pairwise_distance pdist pinverse slogdet svd
      tensordot vdot norm frobenius_norm nuclear_norm renorm linalg_cholesky linalg_cholesky_ex
      linalg_cond linalg_cross linalg_det linalg_diagonal linalg_eig linalg_eigh linalg_eigvals
      linalg_eigvalsh linalg_inv linalg_inv_ex linalg_lstsq linalg_lu linalg_matmul linalg_matrix_exp
      linalg_matrix_norm linalg_matrix_power linalg_matrix_rank linalg_multi_dot linalg_norm
      linalg_pinv linalg_qr linalg_slogdet linalg_solve linalg_solve_ex linalg_svd linalg_svdvals
      linalg_vecdot linalg_vector_norm)"},
    // Making tensors
    {"aten", R"(
      arange empty empty_like eye full full_like linspace logspace new_empty new_full new_ones
      new_zeros ones ones_like range scalar_tensor tensor as_tensor tril_indices triu_indices zeros
      zeros_like one_hot meshgrid cartesian_prod combinations vander hann_window hamming_window
      blackman_window bartlett_window kaiser_window complex clone copy copy_ lift_fresh
      lift_fresh_copy fill fill_ fill_diagonal_ zero zero_ _shape_as_tensor)"},
    // Random numbers, for networks with noise of their own
    {"aten", R"(
      bernoulli bernoulli_ exponential_ multinomial normal normal_ rand rand_like randint
      randint_like randn randn_like random_ randperm uniform_ rrelu rrelu_ dropout dropout_
      alpha_dropout alpha_dropout_ feature_dropout feature_dropout_ feature_alpha_dropout
      feature_alpha_dropout_ native_dropout)"},
    // Shape
    {"aten", R"(
      adjoint alias atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to
      broadcast_shapes cat channel_shuffle chunk column_stack concat concatenate contiguous diag
      diag_embed diagflat diagonal dsplit dstack expand expand_as flatten flip fliplr flipud hsplit
      hstack mH mT matrix_H moveaxis movedim narrow narrow_copy numpy_T pad constant_pad_nd
      _pad_circular pad_sequence permute pixel_shuffle pixel_unshuffle ravel reflection_pad1d
      reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d
      replication_pad3d reshape reshape_as roll rot90 row_stack split split_with_sizes squeeze
      squeeze_ stack swapaxes swapaxes_ swapdims swapdims_ t t_ tensor_split tile transpose transpose_
      tril tril_ triu triu_ unbind unflatten unfold unsafe_chunk unsafe_split unsqueeze unsqueeze_
      view view_as vsplit vstack im2col col2im)"},
    // Indexing
    {"aten", R"(
      argwhere diagonal_scatter gather index index_add index_add_ index_copy index_copy_ index_fill
      index_fill_ index_put index_put_ index_reduce index_reduce_ index_select masked_fill
      masked_fill_ masked_scatter masked_scatter_ masked_select nonzero nonzero_numpy put put_ scatter
      scatter_ scatter_add scatter_add_ scatter_reduce scatter_reduce_ select select_scatter slice
      slice_scatter take take_along_dim embedding embedding_bag)"},
    // Convolution
    {"aten", R"(
      conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d convolution
      _convolution _convolution_mode)"},
    // Normalisation
    {"aten", R"(
      batch_norm group_norm instance_norm layer_norm rms_norm native_batch_norm native_group_norm
      native_layer_norm _batch_norm_impl_index _weight_norm norm_except_dim)"},
    // Activation
    {"aten", R"(
      celu celu_ elu elu_ gelu gelu_ glu hardshrink hardsigmoid hardsigmoid_ hardswish hardswish_
      hardtanh hardtanh_ leaky_relu leaky_relu_ log_sigmoid log_softmax mish mish_ prelu relu relu_
      relu6 relu6_ selu selu_ sigmoid sigmoid_ silu silu_ softmax softplus softshrink threshold
      threshold_ _softmax _log_softmax _safe_softmax)"},
    // Attention and recurrent cells
    {"aten", R"(
      scaled_dot_product_attention _scaled_dot_product_attention_math _native_multi_head_attention
      _transformer_encoder_layer_fwd gru gru_cell lstm lstm_cell rnn_relu rnn_tanh rnn_relu_cell
      rnn_tanh_cell _pack_padded_sequence _pad_packed_sequence)"},
    // Pooling and resizing
    {"aten", R"(
      adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
      adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d
      max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices max_unpool2d
      max_unpool3d affine_grid_generator grid_sampler grid_sampler_2d grid_sampler_3d
      upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
      upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa
      _upsample_lanczos2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
      _upsample_nearest_exact3d __interpolate __upsample __upsample_bilinear __upsample_nearest)"},
    // Fourier transforms
    {"aten", R"(
      fft_fft fft_fft2 fft_fftfreq fft_fftn fft_fftshift fft_hfft fft_ifft fft_ifft2 fft_ifftn
      fft_ifftshift fft_ihfft fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftfreq
      fft_rfftn istft stft)"},
    // Losses, which some rewards are
    {"aten", R"(
      binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy_loss
      hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss nll_loss nll_loss2d
      nll_loss_nd smooth_l1_loss soft_margin_loss triplet_margin_loss)"},
    // Dtype, device and what a tensor knows of itself
    {"aten", R"(
      cpu data detach detach_ device dim element_size get_device is_contiguous is_floating_point
      is_inference is_leaf is_same_size is_signed item len numel requires_grad_ result_type
      promote_types can_cast size storage_offset stride sym_size sym_numel sym_stride to type_as
      _to_copy _autocast_to_full_precision _autocast_to_reduced_precision _local_scalar_dense
      is_autocast_enabled is_autocast_cpu_enabled get_autocast_dtype is_grad_enabled set_grad_enabled
      is_scripting _cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half _cast_Int _cast_Long
      _cast_Short _assert_tensor_metadata)"},
    // Numbers, texts, lists and dictionaries
    {"aten", R"(
      Bool Float FloatImplicit Int IntImplicit ScalarImplicit __contains__ __getitem__
      __derive_index __range_length _list_to_tensor _set_item _tensor_to_list _unwrap_optional
      append clear count Delete dict extend find format get index insert items join keys list lower
      upper ord chr bin hex oct pop popitem percentFormat remove replace reverse setdefault sorted
      split splitlines startswith endswith str strip lstrip rstrip update values zfill isdigit
      isalpha isalnum capitalize title hash)"},
    // Scripted networks carry it; it is taken out before they run (tensor::ScriptModule)
    {"aten", "warn"},
    // Parts of the language
    {"prim", R"(
      abs CallFunction CallMethod Constant CreateObject device DictConstruct dtype Enter EnumName
      EnumValue Exit GetAttr HasAttr If IfThenElse ImplicitTensorToNum index is_cpu is_cuda is_meta
      is_mps is_nested is_quantized is_sparse is_xla is_xpu is_mkldnn isinstance itemsize layout
      ListConstruct ListUnpack Loop max min ModuleContainerIndex name nbytes NumToTensor Param
      RaiseException rangelist requires_grad Return SetAttr StringIndex tolist
      TupleConstruct TupleIndex TupleSlice TupleUnpack type unchecked_cast
      unchecked_unwrap_optional Uninitialized data)"}};

std::set<std::string> read_groups() {
  std::set<std::string> all;
  for (const Group& group : kGroups) {
    std::istringstream names(group.names);
    for (std::string name; names >> name;) all.insert(std::string(group.space) + "::" + name);
  }
  return all;
}

}  // namespace

const std::set<std::string>& listed_operators() {
  static const std::set<std::string> all = read_groups();
  return all;
}

bool is_listed_operator(std::string_view name) {
  return listed_operators().count(std::string(name)) > 0;
}

}  // namespace loopline::io
